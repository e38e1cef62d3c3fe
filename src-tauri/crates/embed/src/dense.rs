//! Dense layers, and the products that they and attention are made of.

use rten_gemm::{BiasVector, GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::{Matrix, NdTensorView};

use crate::error::Fault;

/// A product with a matrix, and a bias.
pub(crate) struct Dense {
    weight: PackedBMatrix<f32>,
    bias: Vec<f32>,
}

impl Dense {
    /// From the weights as they are published: a row an output.
    pub(crate) fn new(weight: &[f32], bias: Vec<f32>) -> Result<Self, Fault> {
        let inputs = weight.len() / bias.len().max(1);
        let weight = matrix(weight, [bias.len(), inputs], [inputs, 1])?;
        Ok(Self {
            weight: GemmExecutor::<f32>::new().prepack_b(weight.transposed()),
            bias,
        })
    }
}

/// What multiplies.
#[derive(Default)]
pub(crate) struct Products {
    gemm: GemmExecutor,
}

impl Products {
    /// `output = input × weight + bias`
    pub(crate) fn set(
        &self,
        output: &mut [f32],
        input: &[f32],
        dense: &Dense,
    ) -> Result<(), Fault> {
        self.dense(output, input, dense, 0.0)
    }

    /// `output += input × weight + bias`
    pub(crate) fn add(
        &self,
        output: &mut [f32],
        input: &[f32],
        dense: &Dense,
    ) -> Result<(), Fault> {
        self.dense(output, input, dense, 1.0)
    }

    fn dense(
        &self,
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
        let rows = output.len() / dense.bias.len();
        let columns = input.len() / rows.max(1);
        let input = matrix(input, [rows, columns], [columns, 1])?;
        self.multiply(output, input, GemmInputB::Packed(&dense.weight), options)
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
