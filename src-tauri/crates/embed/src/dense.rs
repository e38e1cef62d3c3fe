//! Dense layers, and the products that they and attention are made of.

use rten_gemm::{BiasVector, GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::{Matrix, NdTensorView};

use crate::error::Fault;
use crate::rounded::{Rounded, Rounding, is_quicker_here};

/// In what numbers a product is calculated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Precision {
    /// In 32 bits.
    Full,
    /// In 8 bits, but for the inputs `far`.
    Rounded { far: &'static [usize] },
}

impl Precision {
    /// In 8 bits, but for the inputs `far`, where the processor is quicker so.
    pub(crate) fn quickest(far: &'static [usize]) -> Self {
        if is_quicker_here() {
            Self::Rounded { far }
        } else {
            Self::Full
        }
    }
}

/// A product with a matrix, and a bias.
pub(crate) struct Dense {
    weight: Weight,
    bias: Vec<f32>,
}

enum Weight {
    Full(PackedBMatrix<f32>),
    Rounded(Rounded),
}

impl Dense {
    /// From the weights as they are published: a row an output.
    pub(crate) fn new(weight: &[f32], bias: Vec<f32>, precision: Precision) -> Result<Self, Fault> {
        let inputs = weight.len() / bias.len().max(1);
        let weight = match precision {
            Precision::Full => {
                let weight = matrix(weight, [bias.len(), inputs], [inputs, 1])?;
                Weight::Full(GemmExecutor::<f32>::new().prepack_b(weight.transposed()))
            }
            Precision::Rounded { far } => Weight::Rounded(Rounded::new(weight, inputs, far)?),
        };
        Ok(Self { weight, bias })
    }
}

/// What multiplies, with the room that it needs.
#[derive(Default)]
pub(crate) struct Products {
    gemm: GemmExecutor,
    rounding: Rounding,
}

impl Products {
    /// `output = input × weight + bias`
    pub(crate) fn set(
        &mut self,
        output: &mut [f32],
        input: &[f32],
        dense: &Dense,
    ) -> Result<(), Fault> {
        self.dense(output, input, dense, 0.0)
    }

    /// `output += input × weight + bias`
    pub(crate) fn add(
        &mut self,
        output: &mut [f32],
        input: &[f32],
        dense: &Dense,
    ) -> Result<(), Fault> {
        self.dense(output, input, dense, 1.0)
    }

    fn dense(
        &mut self,
        output: &mut [f32],
        input: &[f32],
        dense: &Dense,
        beta: f32,
    ) -> Result<(), Fault> {
        let options = GemmOptions {
            beta,
            bias: Some(BiasVector::Row(&dense.bias)),
            ..GemmOptions::default()
        };
        match &dense.weight {
            Weight::Full(weight) => {
                let rows = output.len() / dense.bias.len();
                let columns = input.len() / rows.max(1);
                let input = matrix(input, [rows, columns], [columns, 1])?;
                self.multiply(output, input, GemmInputB::Packed(weight), options)
            }
            Weight::Rounded(weight) => self.rounding.multiply(output, input, weight, options),
        }
    }

    /// `output = input × weight`, as `options` have it.
    pub(crate) fn multiply(
        &self,
        output: &mut [f32],
        a: Matrix<'_>,
        b: GemmInputB<'_, f32>,
        options: GemmOptions<'_, f32, f32, f32>,
    ) -> Result<(), Fault> {
        Ok(self
            .gemm
            .gemm(output, GemmInputA::Unpacked(a), b, options)?)
    }
}

/// `data` as a matrix.
pub(crate) fn matrix(
    data: &[f32],
    shape: [usize; 2],
    strides: [usize; 2],
) -> Result<Matrix<'_>, Fault> {
    NdTensorView::from_slice_with_strides(shape, data, strides).map_err(|_| Fault::Shape)
}
