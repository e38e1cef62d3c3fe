//! The encoder that every model here is: BERT, from token ids to one vector a text.
//!
//! Our own forward pass over the matrix products and vector functions of RTen. Measured beside it,
//! all in 32 bits: candle, tract and ONNX Runtime, which are 2.6 and 1.4 times slower, or a library of
//! 29 MB beside the app (`examples/bench.rs` prints this one's figures).
//!
//! Texts are not padded to one length: their tokens stand one after the other in one matrix, so
//! that each weight is read once for all of them, and only attention goes text by text. The two
//! products of a layer that read normalised states are in 8 bits where that is quicker.

use std::ops::Range;

use rten_gemm::{GemmInputB, GemmOptions};
use rten_simd::{SimdOp, SimdUnaryOp};
use rten_vecmath::{Gelu, Normalize, NormalizeOptions, Softmax, Sum, SumSquare, SumSquareSub};

use crate::dense::{Dense, Products, matrix};
use crate::error::Fault;
use crate::words::Words;

/// The sizes of a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) hidden: usize,
    pub(crate) intermediate: usize,
    pub(crate) heads: usize,
    pub(crate) layers: usize,
    pub(crate) positions: usize,
    pub(crate) epsilon: f32,
}

impl Shape {
    fn head(&self) -> usize {
        self.hidden / self.heads
    }
}

/// A model's weights, ready to multiply with.
pub(crate) struct Bert {
    pub(crate) shape: Shape,
    pub(crate) words: Words,
    /// A row a position, with the type of the first text already added.
    pub(crate) positions: Vec<f32>,
    pub(crate) norm: Norm,
    pub(crate) layers: Vec<Layer>,
}

/// One layer: attention, then two dense layers, each added to what came in.
pub(crate) struct Layer {
    /// Queries, keys and values beside each other.
    pub(crate) attention: Dense,
    pub(crate) attended: Dense,
    pub(crate) attended_norm: Norm,
    pub(crate) widen: Dense,
    pub(crate) narrow: Dense,
    pub(crate) narrow_norm: Norm,
}

/// The weights of a layer normalisation.
pub(crate) struct Norm {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl Norm {
    fn apply(&self, rows: &mut [f32], epsilon: f32) {
        let width = self.weight.len();
        for row in rows.chunks_exact_mut(width) {
            let mean = Sum::new(row).dispatch() / count(width);
            let variance = SumSquareSub::new(row, mean).dispatch() / count(width);
            let options = NormalizeOptions {
                pre_scale_bias: mean,
                scale: 1.0 / (variance + epsilon).sqrt(),
                element_scale: Some(&self.weight),
                element_bias: Some(&self.bias),
                ..NormalizeOptions::default()
            };
            Normalize::new_mut(row, options).dispatch();
        }
    }
}

impl Bert {
    /// One vector of length 1 for each text, which is its token ids.
    pub(crate) fn embed(&self, texts: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, Fault> {
        let mut states = self.look_up(texts)?;
        self.norm.apply(&mut states, self.shape.epsilon);
        let spans = spans(texts);
        let mut room = Room::new(self.shape, &spans);
        for layer in &self.layers {
            room.run(layer, &mut states)?;
        }
        let width = self.shape.hidden;
        let texts = spans.into_iter().filter_map(|span| {
            let rows = states.get(span.start * width..span.end * width)?;
            Some(pool(rows, width))
        });
        Ok(texts.collect())
    }

    /// The same for any number of texts, about `tokens` tokens at a time.
    pub(crate) fn embed_in_batches(
        &self,
        texts: &[Vec<u32>],
        tokens: usize,
    ) -> Result<Vec<Vec<f32>>, Fault> {
        let mut vectors = Vec::with_capacity(texts.len());
        let mut rest = texts;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(fitting(rest, tokens));
            vectors.extend(self.embed(batch)?);
            rest = later;
        }
        Ok(vectors)
    }

    /// A row a token: its word and its place.
    fn look_up(&self, texts: &[Vec<u32>]) -> Result<Vec<f32>, Fault> {
        let width = self.shape.hidden;
        let mut states = Vec::with_capacity(texts.iter().map(Vec::len).sum::<usize>() * width);
        for text in texts {
            let positions = text.len() * width;
            let positions = self.positions.get(..positions).ok_or(Fault::TooLong)?;
            for (id, position) in text.iter().zip(positions.chunks_exact(width)) {
                let start = states.len();
                states.extend_from_slice(position);
                let row = states.get_mut(start..).ok_or(Fault::Shape)?;
                self.words.add(*id, row).ok_or(Fault::UnknownToken)?;
            }
        }
        Ok(states)
    }
}

/// What a forward pass works in, made once for all layers.
struct Room<'a> {
    products: Products,
    shape: Shape,
    spans: &'a [Range<usize>],
    /// Queries, keys and values of every token.
    projected: Vec<f32>,
    /// What attention makes of them.
    context: Vec<f32>,
    /// The weights of one head on one text, a row a token.
    scores: Vec<f32>,
    /// One head's part of `context`.
    part: Vec<f32>,
    wide: Vec<f32>,
}

impl<'a> Room<'a> {
    fn new(shape: Shape, spans: &'a [Range<usize>]) -> Self {
        let tokens = spans.last().map_or(0, |span| span.end);
        let longest = spans.iter().map(Range::len).max().unwrap_or_default();
        Self {
            products: Products::default(),
            shape,
            spans,
            projected: vec![0.0; tokens * 3 * shape.hidden],
            context: vec![0.0; tokens * shape.hidden],
            scores: vec![0.0; longest * longest],
            part: vec![0.0; longest * shape.head()],
            wide: vec![0.0; tokens * shape.intermediate],
        }
    }

    /// Takes the states of all tokens through one layer.
    fn run(&mut self, layer: &Layer, states: &mut [f32]) -> Result<(), Fault> {
        let epsilon = self.shape.epsilon;
        let products = &mut self.products;
        products.set(&mut self.projected, states, &layer.attention)?;
        for span in self.spans {
            for head in 0..self.shape.heads {
                self.attend(span, head)?;
            }
        }
        let products = &mut self.products;
        products.add(states, &self.context, &layer.attended)?;
        layer.attended_norm.apply(states, epsilon);
        products.set(&mut self.wide, states, &layer.widen)?;
        Gelu {}.map_mut(&mut self.wide);
        products.add(states, &self.wide, &layer.narrow)?;
        layer.narrow_norm.apply(states, epsilon);
        Ok(())
    }

    /// One head on one text: each token takes from the values of all, by how well their keys
    /// answer its query.
    fn attend(&mut self, span: &Range<usize>, head: usize) -> Result<(), Fault> {
        let (width, size, tokens) = (self.shape.hidden, self.shape.head(), span.len());
        let row = 3 * width;
        let first = span.start * row + head * size;
        let part = |offset| self.projected.get(first + offset..).ok_or(Fault::Shape);
        let queries = matrix(part(0)?, [tokens, size], [row, 1])?;
        let keys = matrix(part(width)?, [size, tokens], [1, row])?;
        let values = matrix(part(2 * width)?, [tokens, size], [row, 1])?;

        let scores = self.scores.get_mut(..tokens * tokens).ok_or(Fault::Shape)?;
        let scale = GemmOptions {
            alpha: 1.0 / count(size).sqrt(),
            ..GemmOptions::default()
        };
        self.products
            .multiply(scores, queries, GemmInputB::Unpacked(keys), scale)?;
        for row in scores.chunks_exact_mut(tokens) {
            Softmax::new_mut(row).dispatch();
        }
        let weights = matrix(scores, [tokens, tokens], [tokens, 1])?;
        let taken = self.part.get_mut(..tokens * size).ok_or(Fault::Shape)?;
        let plain = GemmOptions::default();
        self.products
            .multiply(taken, weights, GemmInputB::Unpacked(values), plain)?;

        let rows = self.context.chunks_exact_mut(width).skip(span.start);
        for (row, taken) in rows.zip(taken.chunks_exact(size)) {
            let place = row.get_mut(head * size..(head + 1) * size);
            place.ok_or(Fault::Shape)?.copy_from_slice(taken);
        }
        Ok(())
    }
}

/// Adds what marks a first text to every position. `types` has rows of two types; here every text
/// is a first one.
pub(crate) fn add_type(positions: &mut [f32], types: &[f32]) {
    for position in positions.chunks_exact_mut(types.len() / 2) {
        position
            .iter_mut()
            .zip(types)
            .for_each(|(value, of_type)| *value += of_type);
    }
}

/// How many of the first texts have at most `limit` tokens together; at least one.
fn fitting(texts: &[Vec<u32>], limit: usize) -> usize {
    let totals = texts.iter().scan(0, |total, text| {
        *total += text.len();
        Some(*total)
    });
    totals.take_while(|total| *total <= limit).count().max(1)
}

/// Where each text's tokens stand among all.
fn spans(texts: &[Vec<u32>]) -> Vec<Range<usize>> {
    let ends = texts.iter().scan(0, |end, text| {
        let start = *end;
        *end += text.len();
        Some(start..*end)
    });
    ends.collect()
}

/// The mean of the rows, at length 1.
fn pool(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        sum.iter_mut()
            .zip(row)
            .for_each(|(sum, value)| *sum += value);
    }
    // The mean and the sum point the same way.
    let length = SumSquare::new(&sum).dispatch().sqrt();
    sum.iter_mut().for_each(|value| *value /= length);
    sum
}

/// A size as a number to calculate with; sizes here are far below 2^24, up to which that is exact.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn count(size: usize) -> f32 {
    size as f32
}
