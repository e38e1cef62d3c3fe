//! The table of words: a row for every token that a model knows.

/// Rows of 32-bit numbers.
pub(crate) struct Words {
    rows: Vec<f32>,
    width: usize,
}

impl Words {
    pub(crate) fn new(rows: Vec<f32>, width: usize) -> Self {
        Self { rows, width }
    }

    /// Adds the row of `token` to `state`; nothing if there is none.
    pub(crate) fn add(&self, token: u32, state: &mut [f32]) -> Option<()> {
        let start = usize::try_from(token).ok()?.checked_mul(self.width)?;
        let row = self.rows.get(start..start.checked_add(self.width)?)?;
        state
            .iter_mut()
            .zip(row)
            .for_each(|(state, value)| *state += value);
        Some(())
    }
}
