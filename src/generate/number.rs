//! Generates numbers within the bounds of a schema.
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Number, Value, json};

/// Largest distance from a single bound at which a number is drawn.
const SPAN: f64 = 1000.0;

/// Largest integer up to which doubles represent every integer: 2^53 − 1.
const EXACT: f64 = 9_007_199_254_740_991.0;

fn bound(node: &Map<String, Value>, keyword: &str) -> Option<f64> {
    node.get(keyword).and_then(Value::as_f64)
}

/// Returns `true` if a number satisfies the bounds and `multipleOf` of a flat schema.
pub(super) fn is_within(node: &Map<String, Value>, value: &Value) -> bool {
    let Some(number) = value.as_f64() else {
        return false;
    };
    let holds = |keyword: &str, test: fn(f64, f64) -> bool| {
        bound(node, keyword).is_none_or(|b| test(number, b))
    };
    holds("minimum", |n, b| n >= b)
        && holds("maximum", |n, b| n <= b)
        && holds("exclusiveMinimum", |n, b| n > b)
        && holds("exclusiveMaximum", |n, b| n < b)
        && holds("multipleOf", |n, b| b > 0.0 && (n / b).fract() == 0.0)
}

/// Generates an integer: from 1 to 1000 if there are no bounds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "bounds are clamped to what a double holds exactly"
)]
pub(super) fn integer(node: &Map<String, Value>, random: &mut ChaCha8Rng) -> Value {
    let low = [
        bound(node, "minimum").map(f64::ceil),
        bound(node, "exclusiveMinimum").map(|b| b.floor() + 1.0),
    ];
    let high = [
        bound(node, "maximum").map(f64::floor),
        bound(node, "exclusiveMaximum").map(|b| b.ceil() - 1.0),
    ];
    let low = low.into_iter().flatten().reduce(f64::max);
    let high = high.into_iter().flatten().reduce(f64::min);
    let (low, high) = range(low, high);
    let (low, high) = (
        low.clamp(-EXACT, EXACT) as i64,
        high.clamp(-EXACT, EXACT) as i64,
    );
    let step = bound(node, "multipleOf")
        .filter(|step| step.fract() == 0.0 && *step >= 1.0)
        .map_or(1, |step| step as i64);
    let (first, last) = (
        low.div_euclid(step) + i64::from(low.rem_euclid(step) != 0),
        high.div_euclid(step),
    );
    if first > last {
        return json!(low);
    }
    json!(random.random_range(first..=last) * step)
}

/// Generates a number, with at most two decimals where the bounds allow that.
pub(super) fn number(node: &Map<String, Value>, random: &mut ChaCha8Rng) -> Value {
    let least = bound(node, "exclusiveMinimum");
    let most = bound(node, "exclusiveMaximum");
    let low = [bound(node, "minimum"), least]
        .into_iter()
        .flatten()
        .reduce(f64::max);
    let high = [bound(node, "maximum"), most]
        .into_iter()
        .flatten()
        .reduce(f64::min);
    let (low, high) = range(low, high);
    let mut drawn = if low < high {
        random.random_range(low..high)
    } else {
        low
    };
    if let Some(step) = bound(node, "multipleOf").filter(|step| *step > 0.0) {
        drawn = (drawn / step).ceil() * step;
        if drawn > high || most.is_some_and(|most| drawn >= most) {
            drawn = (high / step).floor() * step;
        }
    } else {
        let rounded = (drawn * 100.0).round() / 100.0;
        let is_inside = rounded >= low
            && rounded <= high
            && least.is_none_or(|l| rounded > l)
            && most.is_none_or(|m| rounded < m);
        drawn = if is_inside {
            rounded
        } else {
            f64::midpoint(drawn, high)
        };
    }
    Number::from_f64(drawn).map_or(json!(0), Value::Number)
}

fn range(low: Option<f64>, high: Option<f64>) -> (f64, f64) {
    // Bounds of 32 bits and more describe the data type, not the usual values.
    let low =
        low.filter(|low| *low > f64::from(i32::MIN) || high.is_some_and(|high| high < low + SPAN));
    let high = high
        .filter(|high| *high < f64::from(i32::MAX) || low.is_some_and(|low| low + SPAN > *high));
    match (low, high) {
        (Some(low), Some(high)) if (high - low).is_finite() => (low, high),
        (Some(low), Some(high)) => (low.max(-EXACT), high.min(EXACT)),
        (Some(low), None) => (low, low + SPAN),
        (None, Some(high)) => (
            if high >= 1.0 {
                1.0_f64.max(high - SPAN)
            } else {
                high - SPAN
            },
            high,
        ),
        (None, None) => (1.0, SPAN),
    }
}
