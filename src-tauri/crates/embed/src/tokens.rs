//! Texts as the token ids that a model reads.

use tokenizers::Tokenizer;

use crate::char_map::CharMap;
use crate::error::Fault;
use crate::passages::Piece;

/// A model's tokenizer.
pub(crate) struct Tokens {
    /// Reads texts of any length.
    tokenizer: Tokenizer,
    /// What is done to the characters first, beyond what the tokenizer does itself.
    map: CharMap,
    /// How many ids the model reads, its marks included.
    limit: usize,
}

impl Tokens {
    pub(crate) fn new(tokenizer: Tokenizer, map: CharMap, limit: usize) -> Self {
        Self {
            tokenizer,
            map,
            limit,
        }
    }

    /// The ids of a text, between the model's two marks and cut to what it reads.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, Fault> {
        let text = self.map.apply(text).text;
        let encoding = self.tokenizer.encode_fast(text, true).map_err(fault)?;
        let mut ids = encoding.get_ids().to_vec();
        if ids.len() > self.limit
            && let Some(mark) = ids.pop()
        {
            ids.truncate(self.limit - 1);
            ids.push(mark);
        }
        Ok(ids)
    }

    /// Where the tokens of the whole text stand in it.
    pub(crate) fn pieces(&self, text: &str) -> Result<Vec<Piece>, Fault> {
        let mapped = self.map.apply(text);
        let encoding = self.tokenizer.encode(&*mapped.text, false).map_err(fault)?;
        let mut last_word = None;
        let pieces = encoding.get_offsets().iter().zip(encoding.get_word_ids());
        let pieces = pieces.filter_map(|((start, end), word)| {
            let bytes = mapped.original(*start..*end)?;
            let begins_word = std::mem::replace(&mut last_word, *word) != *word;
            Some(Piece { bytes, begins_word })
        });
        Ok(pieces.collect())
    }
}

fn fault(error: tokenizers::Error) -> Fault {
    Fault::Tokenizer(error.to_string())
}
