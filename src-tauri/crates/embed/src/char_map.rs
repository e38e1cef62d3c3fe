//! Characters that are read as others.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// What stands for a character: nothing, another one, or several. Characters that are not in it
/// stand for themselves.
#[derive(Default)]
pub(crate) struct CharMap(HashMap<char, String>);

/// A text after a [`CharMap`], and where each byte of it comes from.
pub(crate) struct Mapped<'a> {
    pub(crate) text: Cow<'a, str>,
    /// For each byte the bytes of the character that it comes from; empty if nothing was changed.
    origins: Vec<Range<usize>>,
}

impl CharMap {
    pub(crate) fn new(map: HashMap<char, String>) -> Self {
        Self(map)
    }

    pub(crate) fn apply<'a>(&self, text: &'a str) -> Mapped<'a> {
        if !text.chars().any(|char| self.0.contains_key(&char)) {
            return Mapped {
                text: Cow::Borrowed(text),
                origins: Vec::new(),
            };
        }
        let mut mapped = String::with_capacity(text.len());
        let mut origins = Vec::with_capacity(text.len());
        for (start, char) in text.char_indices() {
            match self.0.get(&char) {
                Some(others) => mapped.push_str(others),
                None => mapped.push(char),
            }
            origins.resize(mapped.len(), start..start + char.len_utf8());
        }
        Mapped {
            text: Cow::Owned(mapped),
            origins,
        }
    }
}

impl Mapped<'_> {
    /// The bytes of the original text from which `bytes` of this one come; none if those are none.
    pub(crate) fn original(&self, bytes: Range<usize>) -> Option<Range<usize>> {
        if self.origins.is_empty() {
            return (!bytes.is_empty()).then_some(bytes);
        }
        let origins = self.origins.get(bytes)?;
        Some(origins.first()?.start..origins.last()?.end)
    }
}

#[cfg(test)]
mod tests {
    use super::CharMap;

    #[test]
    fn a_mapped_text_knows_where_it_comes_from() {
        let map = [('ﬁ', "fi".to_owned()), ('\u{1}', String::new())];
        let map = CharMap::new(map.into());
        let mapped = map.apply("\u{1}oﬁs");
        assert_eq!(mapped.text, "ofis");
        assert_eq!(mapped.original(0..1), Some(1..2));
        assert_eq!(mapped.original(1..2), Some(2..5));
        assert_eq!(mapped.original(0..4), Some(1..6));
        assert_eq!(mapped.original(2..2), None);
    }

    #[test]
    fn a_text_without_such_characters_stays_as_it_is() {
        let mapped = CharMap::default().apply("plain");
        assert_eq!(mapped.text, "plain");
        assert_eq!(mapped.original(1..3), Some(1..3));
    }
}
