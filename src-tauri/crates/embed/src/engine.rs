//! A model at work: its encoder and its threads.

use crate::bert::Bert;
use crate::error::Fault;
use crate::lanes::Lanes;

/// So many tokens are embedded at a time: enough to read each weight once for several texts, few
/// enough that the work stays in the processor's cache.
const BATCH_TOKENS: usize = 256;

/// The encoder of a model, and the threads on which it works.
pub(crate) struct Engine {
    bert: Bert,
    lanes: Lanes,
}

impl Engine {
    pub(crate) fn new(bert: Bert) -> Result<Self, Fault> {
        Ok(Self {
            bert,
            lanes: Lanes::new()?,
        })
    }

    /// The vector of a query whose ids `encode` makes.
    pub(crate) fn query(
        &self,
        encode: impl Fn() -> Result<Vec<u32>, Fault> + Sync,
    ) -> Result<Vec<f32>, Fault> {
        let embed = || self.bert.embed(&[encode()?]);
        self.lanes.query(embed)?.pop().ok_or(Fault::Shape)
    }

    /// The vectors of passages, each of whose ids `encode` makes.
    pub(crate) fn passages(
        &self,
        passages: &[&str],
        encode: impl Fn(&str) -> Result<Vec<u32>, Fault> + Sync,
    ) -> Result<Vec<Vec<f32>>, Fault> {
        self.lanes.passages(|| {
            let texts: Vec<_> = passages
                .iter()
                .map(|passage| encode(passage))
                .collect::<Result<_, _>>()?;
            self.bert.embed_in_batches(&texts, BATCH_TOKENS)
        })
    }
}
