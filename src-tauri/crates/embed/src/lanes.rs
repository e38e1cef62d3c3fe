//! The two threads on which a model works.

use rayon::{ThreadPool, ThreadPoolBuilder};
use thread_priority::{ThreadPriority, set_current_thread_priority};

use crate::error::Fault;

/// A query must not wait for the passages that are embedded in the background, and those must not
/// slow down the rest of the machine. The matrix library takes the number of threads from the pool
/// in which it is called: one.
pub(crate) struct Lanes {
    queries: ThreadPool,
    passages: ThreadPool,
}

impl Lanes {
    pub(crate) fn new() -> Result<Self, Fault> {
        let lane = |name: &'static str| {
            ThreadPoolBuilder::new()
                .num_threads(1)
                .thread_name(move |_| name.to_owned())
        };
        let queries = lane("embed queries").build();
        let passages = lane("embed passages")
            .start_handler(|_| yield_to_others())
            .build();
        let fault = |error: rayon::ThreadPoolBuildError| Fault::Thread(error.to_string());
        Ok(Self {
            queries: queries.map_err(fault)?,
            passages: passages.map_err(fault)?,
        })
    }

    pub(crate) fn query<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.queries.install(work)
    }

    pub(crate) fn passages<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.passages.install(work)
    }
}

/// Where the system refuses, the work is done all the same.
fn yield_to_others() {
    let _ = set_current_thread_priority(ThreadPriority::Min);
}
