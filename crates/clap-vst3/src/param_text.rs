//! Texts, units and plain values of parameters.
//!
//! From the param-info extension where the plugin answers it. Otherwise from its texts: the unit is what the texts of both
//! ends of the range have in common after their number, the plain value is the number in the text, back through
//! `text_to_value`. Plain values from texts are rounded to the digits that the plugin prints.

use crate::params::Scale;
use crate::plugin::Plugin;

/// The unit that goes into VST3's `units`, empty for none.
pub(crate) fn unit(plugin: &Plugin, scale: &Scale) -> String {
    if plugin.has_info() {
        return plugin.unit(scale.id).unwrap_or_default();
    }
    if scale.steps() > 0 {
        return String::new();
    }
    unit_of_ends(plugin, scale).unwrap_or_default()
}

/// The text of a value without its unit, which hosts print beside it.
pub(crate) fn text(plugin: &Plugin, scale: &Scale, unit: &str, normalized: f64) -> Option<String> {
    let text = plugin.value_to_text(scale.id, scale.to_clap(normalized))?;
    Some(without_unit(&text, unit).to_owned())
}

/// Normalised value of a text typed by the user, with or without unit.
pub(crate) fn parse(plugin: &Plugin, scale: &Scale, unit: &str, text: &str) -> Option<f64> {
    let text = text.trim();
    let value = plugin.text_to_value(scale.id, text).or_else(|| {
        let full = format!("{} {unit}", without_unit(text, unit));
        plugin.text_to_value(scale.id, full.trim())
    })?;
    Some(scale.to_normalized(value))
}

/// Plain value of a normalised one.
pub(crate) fn to_plain(plugin: &Plugin, scale: &Scale, normalized: f64) -> f64 {
    let value = scale.to_clap(normalized);
    if let Some(plain) = plugin.to_plain(scale.id, value) {
        return plain;
    }
    if !speaks_plain(plugin, scale) {
        return value;
    }
    plugin
        .value_to_text(scale.id, value)
        .and_then(|text| Some(split_number(&text)?.0))
        .unwrap_or(value)
}

/// Normalised value of a plain one.
pub(crate) fn from_plain(plugin: &Plugin, scale: &Scale, plain: f64) -> f64 {
    let value = plugin.value_from_plain(scale.id, plain).or_else(|| {
        speaks_plain(plugin, scale)
            .then(|| plugin.text_to_value(scale.id, &plain.to_string()))
            .flatten()
    });
    scale.to_normalized(value.unwrap_or(plain))
}

/// Whether the numbers in the plugin's texts are plain values: the same unit (or none) at both ends.
fn speaks_plain(plugin: &Plugin, scale: &Scale) -> bool {
    !plugin.has_info() && scale.steps() == 0 && unit_of_ends(plugin, scale).is_some()
}

fn unit_of_ends(plugin: &Plugin, scale: &Scale) -> Option<String> {
    let text = |normalized| plugin.value_to_text(scale.id, scale.to_clap(normalized));
    common_unit(&text(0.0)?, &text(1.0)?)
}

/// The number at the start of a text, and the rest.
fn split_number(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c)))
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest.trim()))
}

fn common_unit(low: &str, high: &str) -> Option<String> {
    let (low, high) = (split_number(low)?.1, split_number(high)?.1);
    (low == high).then(|| low.to_owned())
}

fn without_unit<'a>(text: &'a str, unit: &str) -> &'a str {
    let text = text.trim();
    match text.strip_suffix(unit) {
        Some(rest) if !unit.is_empty() && !rest.trim().is_empty() => rest.trim(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_come_from_what_texts_share() {
        assert_eq!(common_unit("-24.00 dB", "24.00 dB").unwrap(), "dB");
        assert_eq!(common_unit("0%", "100%").unwrap(), "%");
        assert_eq!(common_unit("20 Hz", "20.0 kHz"), None);
        assert_eq!(common_unit("Off", "On"), None);
        assert_eq!(common_unit("0", "1").unwrap(), "");
    }

    #[test]
    fn the_unit_leaves_the_text() {
        assert_eq!(without_unit("-6.0 dB", "dB"), "-6.0");
        assert_eq!(without_unit("50%", "%"), "50");
        assert_eq!(without_unit("dB", "dB"), "dB");
        assert_eq!(without_unit("12", ""), "12");
        assert_eq!(split_number("-1.5 s"), Some((-1.5, "s")));
        assert_eq!(split_number("-inf dB"), None);
    }
}
