//! The table of words: a row for every token that a model knows.

use crate::quarter;

/// The rows, in memory as they are in the file.
pub(crate) enum Words {
    /// Of 32-bit numbers.
    Full { rows: Vec<f32>, width: usize },
    /// Of 4-bit numbers in blocks: only the rows that are asked for are ever unpacked.
    Quarter { rows: Vec<u8>, width: usize },
}

impl Words {
    /// Adds the row of `token` to `state`; nothing if there is none.
    pub(crate) fn add(&self, token: u32, state: &mut [f32]) -> Option<()> {
        let token = usize::try_from(token).ok()?;
        match self {
            Self::Full { rows, width } => {
                let row = row(rows, token, *width)?;
                state
                    .iter_mut()
                    .zip(row)
                    .for_each(|(state, value)| *state += value);
            }
            Self::Quarter { rows, width } => {
                let row = row(rows, token, quarter::bytes(*width))?;
                let values = quarter::unpack(row);
                state
                    .iter_mut()
                    .zip(values)
                    .for_each(|(state, value)| *state += value);
            }
        }
        Some(())
    }
}

fn row<T>(rows: &[T], at: usize, width: usize) -> Option<&[T]> {
    let start = at.checked_mul(width)?;
    rows.get(start..start.checked_add(width)?)
}
