//! all-MiniLM-L6-v2: small, quick, English.

use std::ops::Range;

use tokenizers::Tokenizer;

use crate::bert::{Bert, Layer, Shape, add_type};
use crate::char_map::CharMap;
use crate::dense::Precision;
use crate::engine::Engine;
use crate::error::Fault;
use crate::files::Files;
use crate::passages::cut;
use crate::tensors::Tensors;
use crate::tokens::Tokens;
use crate::words::Words;
use crate::{EmbedError, Embedder, Model};

const WEIGHTS: &str = "model.safetensors";
const TOKENIZER: &str = "tokenizer.json";

const SHAPE: Shape = Shape {
    hidden: 384,
    intermediate: 1536,
    heads: 12,
    layers: 6,
    positions: 512,
    epsilon: 1e-12,
};
const VOCABULARY: usize = 30_522;

/// What its publisher says it reads; it has places for 512, but was not trained on texts as long.
const MAX_TOKENS: usize = 256;
/// The marks at the beginning and the end.
const MARKS: usize = 2;
/// About two sentences, so that what is said across a cut is whole in one of the two passages.
const OVERLAP: usize = 32;

/// The columns that reach the farthest in what the layer normalisations give: up to 16 times as far
/// as most, measured over 70 texts.
const FAR: [usize; 8] = [99, 63, 223, 157, 338, 267, 127, 319];

/// The model, in memory.
pub(crate) struct MiniLm {
    tokens: Tokens,
    engine: Engine,
}

impl MiniLm {
    pub(crate) fn load(files: &Files) -> Result<Self, EmbedError> {
        let tokens = read_tokens(&files.read(TOKENIZER)?)
            .map_err(|problem| files.damaged(TOKENIZER, problem))?;
        let bert = read(&files.read(WEIGHTS)?, Precision::quickest(&FAR))
            .map_err(|problem| files.damaged(WEIGHTS, problem))?;
        let engine = Engine::new(bert).map_err(failed)?;
        Ok(Self { tokens, engine })
    }
}

impl Embedder for MiniLm {
    fn name(&self) -> &'static str {
        Model::MiniLm.name()
    }

    fn dimension(&self) -> usize {
        SHAPE.hidden
    }

    fn max_tokens(&self) -> usize {
        MAX_TOKENS
    }

    fn passages(&self, text: &str) -> Result<Vec<Range<usize>>, EmbedError> {
        let pieces = self.tokens.pieces(text).map_err(failed)?;
        Ok(cut(&pieces, MAX_TOKENS - MARKS, OVERLAP))
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let encode = || self.tokens.encode(text);
        self.engine.query(encode).map_err(failed)
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let encode = |passage: &str| self.tokens.encode(passage);
        self.engine.passages(passages, encode).map_err(failed)
    }
}

fn failed(source: Fault) -> EmbedError {
    EmbedError::Failed {
        model: Model::MiniLm.name(),
        source,
    }
}

fn read_tokens(json: &[u8]) -> tokenizers::Result<Tokens> {
    let mut tokenizer = Tokenizer::from_bytes(json)?;
    // The published file pads and cuts every text to 128 tokens.
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None)?;
    Ok(Tokens::new(tokenizer, CharMap::default(), MAX_TOKENS))
}

fn read(file: &[u8], precision: Precision) -> Result<Bert, String> {
    let tensors = Tensors::read(file)?;
    let width = SHAPE.hidden;
    let embedding = |name: &str, rows| tensors.get(&format!("embeddings.{name}"), &[rows, width]);
    let mut positions = embedding("position_embeddings.weight", SHAPE.positions)?;
    let types = embedding("token_type_embeddings.weight", 2)?;
    add_type(&mut positions, &types);
    let words = embedding("word_embeddings.weight", VOCABULARY)?;
    let layers = (0..SHAPE.layers).map(|layer| read_layer(&tensors, layer, precision));
    Ok(Bert {
        shape: SHAPE,
        words: Words::Full { rows: words, width },
        positions,
        norm: tensors.norm("embeddings.LayerNorm", width)?,
        layers: layers.collect::<Result<_, _>>()?,
    })
}

fn read_layer(tensors: &Tensors<'_>, layer: usize, precision: Precision) -> Result<Layer, String> {
    let (hidden, wide) = (SHAPE.hidden, SHAPE.intermediate);
    let name = |part: &str| format!("encoder.layer.{layer}.{part}");
    let attention = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
    let attended = [name("attention.output.dense")];
    Ok(Layer {
        attention: tensors.dense(&attention, [hidden, hidden], precision)?,
        attended: tensors.dense(&attended, [hidden, hidden], Precision::Full)?,
        attended_norm: tensors.norm(&name("attention.output.LayerNorm"), hidden)?,
        widen: tensors.dense(&[name("intermediate.dense")], [wide, hidden], precision)?,
        narrow: tensors.dense(&[name("output.dense")], [hidden, wide], Precision::Full)?,
        narrow_norm: tensors.norm(&name("output.LayerNorm"), hidden)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{FAR, TOKENIZER, WEIGHTS, read, read_tokens};
    use crate::Model;
    use crate::bert::Bert;
    use crate::dense::Precision;
    use crate::testing::{agreement, cosine, files, reference};
    use crate::tokens::Tokens;

    fn tokens() -> Tokens {
        let file = files(Model::MiniLm).read(TOKENIZER).expect("a file");
        read_tokens(&file).expect("a tokenizer")
    }

    fn bert(precision: Precision) -> Bert {
        let file = files(Model::MiniLm).read(WEIGHTS).expect("a file");
        read(&file, precision).expect("a model")
    }

    #[test]
    fn in_32_bits_it_is_the_reference() {
        let (tokens, bert) = (tokens(), bert(Precision::Full));
        for (text, expected) in reference(Model::MiniLm) {
            let ids = tokens.encode(&text).expect("tokens");
            let vector = bert.embed(&[ids]).expect("a vector").remove(0);
            assert!(cosine(&vector, &expected) > 0.9999, "{text:?}");
        }
    }

    #[test]
    fn what_is_quickest_agrees_with_32_bits() {
        let (full, quickest) = (bert(Precision::Full), bert(Precision::quickest(&FAR)));
        let (least, mean) = agreement(&full, &quickest, &tokens(), 300);
        assert!(least > 0.999 && mean > 0.9995, "{least} {mean}");
    }
}
