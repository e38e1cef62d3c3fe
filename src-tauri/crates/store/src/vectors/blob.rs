//! Vectors as bytes: f16 in the rows, f32 for a mean, little endian both.

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::error::{Error, Result};

/// The vector at length 1, as its row holds it.
pub(super) fn to_blob(vector: &[f32]) -> Vec<u8> {
    let mut halves = vec![f16::ZERO; vector.len()];
    halves.convert_from_f32_slice(vector);
    halves.iter().flat_map(|half| half.to_le_bytes()).collect()
}

/// Reads a row's vector into `vector`, which has its dimension. What is of another dimension reads as
/// far as it goes.
pub(super) fn read(blob: &[u8], vector: &mut [f32]) {
    let halves: Vec<f16> = blob
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f16::from_le_bytes(*bytes))
        .collect();
    let length = halves.len().min(vector.len());
    halves[..length].convert_to_f32_slice(&mut vector[..length]);
}

/// A mean, as a model's row holds it.
pub(super) fn mean_to_blob(mean: &[f32]) -> Vec<u8> {
    mean.iter().flat_map(|it| it.to_le_bytes()).collect()
}

pub(super) fn mean_from_blob(blob: &[u8]) -> Vec<f32> {
    let numbers = blob.as_chunks().0.iter();
    numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// The vector at length 1.
pub(super) fn unit(vector: &[f32], dimension: u32) -> Result<Vec<f32>> {
    if vector.len() != dimension as usize {
        let limit = format!(
            "the model's vectors have {dimension} numbers, this one has {}",
            vector.len()
        );
        return Err(Error::invalid("vector", limit));
    }
    // In f64: the squares of large numbers have no room in f32.
    let square: f64 = vector.iter().map(|it| f64::from(*it).powi(2)).sum();
    let length = square.sqrt();
    if !length.is_normal() {
        return Err(Error::invalid(
            "vector",
            "points nowhere: it is zero or not finite",
        ));
    }
    #[expect(clippy::cast_possible_truncation, reason = "between -1 and 1")]
    let scaled = |number: &f32| (f64::from(*number) / length) as f32;
    Ok(vector.iter().map(scaled).collect())
}

/// The cosine of the angle between unit vectors.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    // Eight sums side by side, which the compiler can keep in one register.
    let mut sums = [0.0_f32; 8];
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    f64::from(sums.iter().sum::<f32>() + rest).clamp(-1.0, 1.0)
}
