//! Weights out of a file of safetensors.

use safetensors::{Dtype, SafeTensors};

use crate::bert::Norm;
use crate::dense::{Dense, Precision};

/// The tensors of a file; every one is asked for by name and size.
pub(crate) struct Tensors<'a>(SafeTensors<'a>);

impl<'a> Tensors<'a> {
    pub(crate) fn read(file: &'a [u8]) -> Result<Self, String> {
        let tensors = SafeTensors::deserialize(file);
        Ok(Self(tensors.map_err(|error| error.to_string())?))
    }

    pub(crate) fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let tensor = self.0.tensor(name).map_err(|error| error.to_string())?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            return Err(format!(
                "{name} is not a tensor of 32-bit numbers of the size {shape:?}"
            ));
        }
        let (numbers, _) = tensor.data().as_chunks::<4>();
        Ok(numbers.iter().copied().map(f32::from_le_bytes).collect())
    }

    /// The dense layers of these names beside each other, as one.
    pub(crate) fn dense(
        &self,
        names: &[String],
        [outputs, inputs]: [usize; 2],
        precision: Precision,
    ) -> Result<Dense, String> {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            weight.extend(self.get(&format!("{name}.weight"), &[outputs, inputs])?);
            bias.extend(self.get(&format!("{name}.bias"), &[outputs])?);
        }
        Dense::new(&weight, bias, precision).map_err(|fault| fault.to_string())
    }

    pub(crate) fn norm(&self, name: &str, width: usize) -> Result<Norm, String> {
        Ok(Norm {
            weight: self.get(&format!("{name}.weight"), &[width])?,
            bias: self.get(&format!("{name}.bias"), &[width])?,
        })
    }
}
