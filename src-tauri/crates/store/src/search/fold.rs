//! Letters without case and accents, and which scripts have spaces between their words.
//!
//! FTS5 folds by itself what it indexes and what it is asked. This is for what is looked at in the
//! text again: which parts of it match, and where. It equates all that FTS5 equates.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A text without case and accents, and where its bytes stood.
pub(crate) struct Folded {
    text: String,
    /// For every byte of `text`, where its character begins in the original; none if that is as
    /// long, byte for byte.
    origins: Option<Vec<usize>>,
    original_len: usize,
}

impl Folded {
    pub(crate) fn new(original: &str) -> Self {
        let original_len = original.len();
        if original.is_ascii() {
            return Self {
                text: original.to_ascii_lowercase(),
                origins: None,
                original_len,
            };
        }
        let mut text = String::with_capacity(original_len);
        let mut origins = Vec::with_capacity(original_len);
        for (at, c) in original.char_indices() {
            if let Some(c) = fold(c) {
                text.push(c);
                origins.resize(text.len(), at);
            }
        }
        Self {
            text,
            origins: Some(origins),
            original_len,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Where a position of the folded text is in the original.
    pub(crate) fn origin(&self, at: usize) -> usize {
        match &self.origins {
            None => at,
            Some(origins) => origins.get(at).copied().unwrap_or(self.original_len),
        }
    }
}

/// The text without case and accents.
pub(crate) fn folded(text: &str) -> String {
    text.chars().filter_map(fold).collect()
}

fn fold(c: char) -> Option<char> {
    if c.is_ascii() {
        return Some(c.to_ascii_lowercase());
    }
    if is_spaceless(c) {
        return Some(c);
    }
    if is_accent(c) {
        return None;
    }
    let mut parts = std::iter::once(c).nfd();
    let base = parts.next().unwrap_or(c);
    let bare = if parts.all(is_accent) { base } else { c };
    // Up and down again, for letters with two small forms, as the Greek sigma.
    Some(single(single(bare, char::to_uppercase), char::to_lowercase))
}

/// A mapping of one character to one; one that becomes several stays.
fn single<I: Iterator<Item = char>>(c: char, map: impl Fn(char) -> I) -> char {
    let mut mapped = map(c);
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// A mark that FTS5 passes over within a word.
pub(crate) const fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// A character of which FTS5 makes words.
pub(crate) fn is_word_char(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    is_accent(c) || (c.is_alphanumeric() && !is_combining_mark(c))
}

/// A letter of a script that is written without spaces between its words, or with endings on them as
/// Korean is: there a word is found as a part of what stands between the spaces.
pub(crate) const fn is_spaceless(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{109f}' // Thai, Lao, Tibetan, Burmese
        | '\u{1100}'..='\u{11ff}' // Hangul
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{1950}'..='\u{19df}' // Tai Le, New Tai Lue
        | '\u{1a20}'..='\u{1aaf}' // Tai Tham
        | '\u{2e80}'..='\u{9fff}' // Han, Kana, Bopomofo
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}' // Hangul
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ffdc}' // half-width Kana and Hangul
        | '\u{1b000}'..='\u{1b16f}'
        | '\u{20000}'..='\u{3ffff}')
}

/// A letter with marks that FTS5 takes for gaps, as the vowels of Hindi and of pointed Arabic are.
pub(crate) fn is_foreign_mark(c: char) -> bool {
    !is_accent(c) && is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_are_folded_and_other_marks_stay() {
        assert_eq!(folded("Crème BRÛLÉE"), "creme brulee");
        assert_eq!(folded("Cre\u{300}me"), "creme");
        assert_eq!(folded("ΣΊΣΥΦΟΣ σίσυφος"), "σισυφοσ σισυφοσ");
        assert_eq!(folded("がいこく 東京 한국어"), "がいこく 東京 한국어");
        assert_eq!(folded("Straße İ"), "straße i");
    }

    #[test]
    fn a_position_leads_back_to_the_original() {
        let folded = Folded::new("Où e\u{301}tait");
        assert_eq!(folded.as_str(), "ou etait");
        assert_eq!(folded.origin(3), "Où ".len());
        assert_eq!(folded.origin(4), "Où e\u{301}".len());
        assert_eq!(folded.origin(8), "Où e\u{301}tait".len());
    }
}
