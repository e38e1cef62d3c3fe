//! Texts as the token ids that a model reads.

use tokenizers::{Tokenizer, TruncationParams};

use crate::error::Fault;
use crate::passages::Piece;

/// A model's tokenizer, as it was published with it.
pub(crate) struct Tokens {
    /// Cuts at the model's limit.
    limited: Tokenizer,
    /// Reads everything.
    whole: Tokenizer,
}

impl Tokens {
    pub(crate) fn read(json: &[u8], max_tokens: usize) -> tokenizers::Result<Self> {
        let mut whole = Tokenizer::from_bytes(json)?;
        // The published file pads and cuts every text to 128 tokens.
        whole.with_padding(None);
        whole.with_truncation(None)?;
        let mut limited = whole.clone();
        limited.with_truncation(Some(TruncationParams {
            max_length: max_tokens,
            ..TruncationParams::default()
        }))?;
        Ok(Self { limited, whole })
    }

    /// The ids of a text with the model's marks around it, cut to what it can read.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, Fault> {
        let encoding = self.limited.encode_fast(text, true).map_err(fault)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Where the tokens of the whole text stand in it.
    pub(crate) fn pieces(&self, text: &str) -> Result<Vec<Piece>, Fault> {
        let encoding = self.whole.encode(text, false).map_err(fault)?;
        let mut last_word = None;
        let pieces = encoding.get_offsets().iter().zip(encoding.get_word_ids());
        let pieces = pieces.map(|((start, end), word)| Piece {
            bytes: *start..*end,
            begins_word: std::mem::replace(&mut last_word, *word) != *word,
        });
        Ok(pieces.collect())
    }
}

fn fault(error: tokenizers::Error) -> Fault {
    Fault::Tokenizer(error.to_string())
}
