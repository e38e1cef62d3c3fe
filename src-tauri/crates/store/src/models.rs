//! What is known of models: how they count tokens, and how much they take.

use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::{Error, Result};
use crate::row::from_row;
use crate::sessions;
use crate::transaction::{ReadTx, WriteTx};

/// The most calls that a ratio is the mean of; later ones replace earlier ones.
const SAMPLES_MAX: u32 = 20;
/// What a ratio can be; anything else is a report that cannot be right.
const RATIO_MIN: f64 = 0.5;
const RATIO_MAX: f64 = 3.0;
/// The largest context window, in tokens.
const WINDOW_MAX: u32 = 100_000_000;

/// What is known of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ModelProfile {
    /// "endpoint/model".
    pub model: String,
    /// Its tokens to those of the o200k vocabulary, as it reported them.
    #[cfg_attr(feature = "specta", specta(type = specta_typescript::Number))]
    pub token_ratio: f64,
    /// How many calls that is from.
    pub samples: u32,
    /// Its context window in tokens, as the user set it.
    pub context_window: Option<u32>,
}

from_row!(ModelProfile {
    model,
    token_ratio,
    samples,
    context_window,
});

/// Returns what is known of a model; of one that was never asked, that is nothing.
///
/// # Errors
/// What SQLite reports.
pub fn get(tx: &ReadTx<'_>, model: &str) -> Result<ModelProfile> {
    let known = tx.find(
        "SELECT model, token_ratio, samples, context_window FROM model_profiles WHERE model = ?1",
        [model],
    )?;
    Ok(known.unwrap_or_else(|| ModelProfile {
        model: model.to_owned(),
        token_ratio: 1.0,
        samples: 0,
        context_window: None,
    }))
}

/// Learns from a call for which `counted` tokens were sent and the model reported `reported`.
///
/// # Errors
/// What SQLite reports.
pub fn learn(tx: &WriteTx<'_>, model: &str, counted: u32, reported: u32) -> Result<()> {
    let sample = f64::from(reported) / f64::from(counted.max(1));
    if !(RATIO_MIN..=RATIO_MAX).contains(&sample) {
        return Ok(());
    }
    let known = get(tx, model)?;
    let weight = f64::from(known.samples.min(SAMPLES_MAX - 1));
    let ratio = (known.token_ratio * weight + sample) / (weight + 1.0);
    tx.execute(
        "INSERT INTO model_profiles (model, token_ratio, samples)
         VALUES (?1, ?2, 1)
         ON CONFLICT (model) DO UPDATE
         SET token_ratio = excluded.token_ratio, samples = samples + 1",
        (model, ratio),
    )?;
    Ok(())
}

/// Sets a model's context window in tokens; nothing: as is known of it.
///
/// # Errors
/// [`Error::Invalid`] for a window out of range or a name that is not "endpoint/model".
pub fn set_context_window(
    tx: &WriteTx<'_>,
    model: &str,
    tokens: Option<u32>,
) -> Result<ModelProfile> {
    sessions::check_model(Some(model))?;
    if tokens.is_some_and(|tokens| !(256..=WINDOW_MAX).contains(&tokens)) {
        let limit = format!("must be between 256 and {WINDOW_MAX} tokens");
        return Err(Error::invalid("context window", limit));
    }
    tx.execute(
        "INSERT INTO model_profiles (model, context_window)
         VALUES (?1, ?2)
         ON CONFLICT (model) DO UPDATE SET context_window = excluded.context_window",
        (model, tokens),
    )?;
    tx.changed(Entity::Settings, model);
    get(tx, model)
}
