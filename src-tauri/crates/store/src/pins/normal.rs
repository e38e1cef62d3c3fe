//! When two texts say the same: letter by letter they may differ in case, spaces, punctuation and
//! the ways that Unicode has to write a character.

use unicode_normalization::UnicodeNormalization;

/// A text as it is compared: the letters and digits of its compatibility form (NFKC) in lower case,
/// and one space between words. What has none of them is compared as it is.
#[must_use]
pub(super) fn normal(text: &str) -> String {
    let plain: String = text
        .nfkc()
        .collect::<String>()
        .to_lowercase()
        .nfkc()
        .collect();
    // "don't" is one word however its apostrophe is written.
    let plain = plain.replace(['\'', '’'], "");
    let words: Vec<_> = plain
        .split(|c: char| !c.is_alphanumeric() && !is_mark(c))
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .collect();
    if words.is_empty() {
        return plain.trim().to_owned();
    }
    words.join(" ")
}

/// Signs that tell words apart: "C" is not "C++", and "-5" is not "5".
fn is_mark(c: char) -> bool {
    matches!(c, '+' | '#' | '-' | '%' | '€' | '$' | '£')
        || unicode_normalization::char::is_combining_mark(c)
}
