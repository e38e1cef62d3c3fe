//! Products in numbers of 8 bits, where the processor has an instruction that makes them quicker.
//!
//! Both factors are rounded: the weights once, those of each output by a step of its own; what is
//! multiplied with them each time, each row by a step of its own. How far a row reaches sets its
//! step, and in what a layer normalisation gives, a few columns, the same ones for every text,
//! reach up to 27 times as far as most. Those stay in 32 bits, in a small product beside.
//!
//! Measured on all-MiniLM-L6-v2, 550 texts against 32 bits throughout: the least cosine is 0.9995
//! with eight such columns, 0.9948 without. Of the encoder's two other products, what comes
//! into one reaches far in other columns in every layer, and the other is a twelfth of the work.

use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_simd::SimdOp;
use rten_tensor::NdTensorView;
use rten_vecmath::{ExtendInit, MinMax, Quantize};

use crate::error::Fault;

/// The library's kernel for AVX-512, which takes a quarter of the time of 32 bits; a half with the
/// rounding. Its kernel for AVX2 cuts sums off at 16 bits, and those for ARM were not measured.
const KERNEL: &str = "x86_64-u8i8i32-avx512";

/// The largest weight, in steps.
const LARGEST: f32 = 127.0;

/// No row reaches less far, so that the inverse of its step is a number.
const SHORTEST: f32 = 1e-30;

/// Whether this processor has the instruction: VNNI, of AVX-512.
pub(crate) fn is_quicker_here() -> bool {
    let gemm = GemmExecutor::<u8, i8, i32>::new();
    gemm.kernel_name() == KERNEL && !gemm.may_saturate()
}

/// Weights in 8 bits, but for those of a few inputs.
pub(crate) struct Rounded {
    near: PackedBMatrix<i8>,
    /// For each output, the step of its weights.
    steps: Vec<f32>,
    /// For each output, the sum of its weights, in steps.
    sums: Vec<f32>,
    /// The inputs that stay in 32 bits, and their weights.
    far_inputs: Vec<usize>,
    far: PackedBMatrix<f32>,
}

impl Rounded {
    /// From weights with a row an output; those of `far_inputs` stay in 32 bits.
    pub(crate) fn new(weight: &[f32], inputs: usize, far_inputs: &[usize]) -> Result<Self, Fault> {
        let (mut near, mut far) = (weight.to_vec(), Vec::new());
        for row in near.chunks_exact_mut(inputs) {
            take(row, far_inputs, &mut far)?;
        }
        let steps: Vec<_> = near.chunks_exact(inputs).map(step).collect();
        let rows = near.chunks_exact(inputs).zip(&steps);
        let near: Vec<_> = rows
            .flat_map(|(row, step)| row.iter().map(move |weight| signed_byte(weight / step)))
            .collect();
        let sum = |row: &[i8]| row.iter().copied().map(f32::from).sum();
        let near_view = NdTensorView::from_data([steps.len(), inputs], &near[..]);
        let far_view = NdTensorView::from_data([steps.len(), far_inputs.len()], &far[..]);
        Ok(Self {
            near: GemmExecutor::<u8, i8, i32>::new().prepack_b(near_view.transposed()),
            sums: near.chunks_exact(inputs).map(sum).collect(),
            steps,
            far_inputs: far_inputs.to_vec(),
            far: GemmExecutor::<f32>::new().prepack_b(far_view.transposed()),
        })
    }
}

/// What products with [`Rounded`] weights work in, made once for many.
#[derive(Default)]
pub(crate) struct Rounding {
    far_gemm: GemmExecutor,
    near_gemm: GemmExecutor<u8, i8, i32>,
    /// The inputs that stay in 32 bits.
    far: Vec<f32>,
    /// One row of the others.
    row: Vec<f32>,
    /// All rows of them, rounded.
    near: Vec<u8>,
    scales: Vec<Scale>,
    products: Vec<i32>,
}

impl Rounding {
    /// `output = input × weight`, as `options` have it.
    pub(crate) fn multiply(
        &mut self,
        output: &mut [f32],
        input: &[f32],
        weight: &Rounded,
        options: GemmOptions<'_, f32, f32, f32>,
    ) -> Result<(), Fault> {
        let (inputs, outputs) = (weight.near.rows(), weight.near.cols());
        let rows = input.len() / inputs;
        self.round(input, weight)?;

        let far = NdTensorView::from_data([rows, weight.far_inputs.len()], &self.far[..]);
        let far = GemmInputA::Unpacked(far);
        self.far_gemm
            .gemm(output, far, GemmInputB::Packed(&weight.far), options)?;

        let near = NdTensorView::from_data([rows, inputs], &self.near[..]);
        let near = GemmInputA::Unpacked(near);
        let (weights, plain) = (GemmInputB::Packed(&weight.near), GemmOptions::default());
        self.products.resize(output.len(), 0);
        self.near_gemm
            .gemm(&mut self.products, near, weights, plain)?;

        let products = self.products.chunks_exact(outputs);
        let rows = output.chunks_exact_mut(outputs).zip(products);
        for ((output, products), scale) in rows.zip(&self.scales) {
            scale.add(output, products, weight);
        }
        Ok(())
    }

    fn round(&mut self, input: &[f32], weight: &Rounded) -> Result<(), Fault> {
        self.far.clear();
        self.scales.clear();
        self.near.clear();
        self.near.reserve(input.len());
        for row in input.chunks_exact(weight.near.rows()) {
            self.row.clear();
            self.row.extend_from_slice(row);
            take(&mut self.row, &weight.far_inputs, &mut self.far)?;
            let (row, scale) = (&self.row, Scale::of(&self.row));
            self.near.extend_init(|near| {
                let (near, _) = near.split_at_mut(row.len());
                Quantize::new(row, near, 1.0 / scale.step, scale.zero).dispatch()
            });
            self.scales.push(scale);
        }
        Ok(())
    }
}

/// How a row is rounded: from its least number at 0 to its greatest at 255.
#[derive(Debug, Clone, Copy)]
struct Scale {
    step: f32,
    /// What stands for zero.
    zero: u8,
}

impl Scale {
    fn of(row: &[f32]) -> Self {
        let (least, greatest) = MinMax::new(row).dispatch();
        let least = least.min(0.0);
        let reach = (greatest.max(0.0) - least).max(SHORTEST);
        let step = reach / f32::from(u8::MAX);
        Self {
            step,
            zero: byte(-least / step),
        }
    }

    /// Adds a row of products to one of the output.
    ///
    /// The library can subtract the zeros by itself, but rten-gemm 0.27 subtracts from all rows
    /// those of the first eight.
    fn add(self, output: &mut [f32], products: &[i32], weight: &Rounded) {
        let zero = f32::from(self.zero);
        let weights = weight.steps.iter().zip(&weight.sums);
        for ((output, product), (step, sum)) in output.iter_mut().zip(products).zip(weights) {
            *output += (whole(*product) - zero * sum) * (self.step * step);
        }
    }
}

/// Moves the numbers at `places` to the end of `taken`, and leaves zeros.
fn take(row: &mut [f32], places: &[usize], taken: &mut Vec<f32>) -> Result<(), Fault> {
    for place in places {
        let number = row.get_mut(*place).ok_or(Fault::Shape)?;
        taken.push(std::mem::take(number));
    }
    Ok(())
}

/// The step of an output's weights.
fn step(weights: &[f32]) -> f32 {
    let (least, greatest) = MinMax::new(weights).dispatch();
    greatest.max(-least).max(SHORTEST) / LARGEST
}

/// The nearest of -128 to 127.
fn signed_byte(steps: f32) -> i8 {
    (byte(steps + 128.0) ^ 0x80).cast_signed()
}

/// The nearest of 0 to 255. To cut off after adding a half is one instruction; `round` is a call.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is meant to be cut off"
)]
fn byte(steps: f32) -> u8 {
    (steps + 0.5) as u8
}

/// A sum of 384 products of two bytes, which is below 2^24, up to which that is exact.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn whole(product: i32) -> f32 {
    product as f32
}

#[cfg(test)]
mod tests {
    use rten_gemm::{BiasVector, GemmExecutor, GemmInputA, GemmInputB, GemmOptions};
    use rten_tensor::NdTensorView;

    use super::{Rounded, Rounding, is_quicker_here};

    const ROWS: usize = 83;
    const INPUTS: usize = 384;
    const OUTPUTS: usize = 200;
    /// A column that reaches 20 times as far as the others.
    const FAR: usize = 99;

    /// Numbers from -1 to 1 that look like chance; the same for the same seed.
    fn numbers(seed: u32, count: usize) -> Vec<f32> {
        let mut state = seed;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from((state >> 16) as u16) / 32_768.0 - 1.0
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    /// Rows of which each is further to one side of zero than the one before.
    fn input() -> Vec<f32> {
        let mut input = numbers(1, ROWS * INPUTS);
        for (n, row) in input.chunks_exact_mut(INPUTS).enumerate() {
            row.iter_mut().for_each(|x| *x += n as f32 / ROWS as f32);
            row[FAR] *= 20.0;
        }
        input
    }

    /// How far what is rounded lies from the product in 32 bits, as a part of that; both are added
    /// to an output that was there before.
    fn error(far: &[usize]) -> f32 {
        let (input, weight) = (input(), numbers(2, INPUTS * OUTPUTS));
        let (bias, before) = (numbers(3, OUTPUTS), numbers(4, ROWS * OUTPUTS));
        let options = GemmOptions {
            beta: 1.0,
            bias: Some(BiasVector::Row(&bias)),
            ..GemmOptions::default()
        };
        let mut exact = before.clone();
        let a = NdTensorView::from_data([ROWS, INPUTS], &input[..]);
        let b = NdTensorView::from_data([OUTPUTS, INPUTS], &weight[..]);
        let (a, b) = (
            GemmInputA::Unpacked(a),
            GemmInputB::Unpacked(b.transposed()),
        );
        let gemm = GemmExecutor::<f32>::new();
        gemm.gemm(&mut exact, a, b, options.clone()).expect("sizes");

        let mut near = before;
        let weight = Rounded::new(&weight, INPUTS, far).expect("sizes");
        let mut rounding = Rounding::default();
        rounding
            .multiply(&mut near, &input, &weight, options)
            .expect("sizes");
        let square = |x: &f32| x * x;
        let errors = exact.iter().zip(&near).map(|(a, b)| square(&(a - b)));
        (errors.sum::<f32>() / exact.iter().map(square).sum::<f32>()).sqrt()
    }

    #[test]
    fn a_rounded_product_is_near_the_exact_one_if_what_reaches_far_is_left_out() {
        if !is_quicker_here() {
            return; // Then none is used, and the library's may be cut off.
        }
        let (with, without) = (error(&[FAR, 7]), error(&[0, 7]));
        assert!(with < 0.005 && without > 3.0 * with, "{with} {without}");
    }

    #[test]
    fn a_row_of_zeros_is_the_bias() {
        let weight = Rounded::new(&numbers(2, INPUTS * OUTPUTS), INPUTS, &[FAR]).expect("sizes");
        let bias = numbers(3, OUTPUTS);
        let options = GemmOptions {
            bias: Some(BiasVector::Row(&bias)),
            ..GemmOptions::default()
        };
        let mut output = vec![f32::NAN; OUTPUTS];
        let mut rounding = Rounding::default();
        rounding
            .multiply(&mut output, &[0.0; INPUTS], &weight, options)
            .expect("sizes");
        assert_eq!(output, bias);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_processor_with_the_instruction_is_known() {
        assert_eq!(is_quicker_here(), is_x86_feature_detected!("avx512vnni"));
    }
}
