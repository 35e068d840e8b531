//! Simulated conditions of an answer that the user configures: delays, faults and rate limits.
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value};

/// Program that answers a request to `standin proxy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Responder {
    /// The real API.
    #[default]
    Real,
    /// The sandbox.
    Sandbox,
}

impl Responder {
    /// Returns the responder with a name: `real` or `sandbox`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "real" => Some(Self::Real),
            "sandbox" => Some(Self::Sandbox),
            _ => None,
        }
    }

    /// Returns its name: `real`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Sandbox => "sandbox",
        }
    }
}

/// Reason why a simulated condition cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulationError {
    /// Value that is not a delay.
    #[error(
        "`{found}` is not a delay, expected such as `300ms`, `100ms-1s` or {{median: 200ms, sigma: 0.5}}"
    )]
    Delay {
        /// Value of the fixture.
        found: Value,
    },
    /// Unknown kind of fault.
    #[error(
        "`{kind}` is not a fault, expected `reset`, `empty`, `truncate`, `slow-body` or `status`"
    )]
    Fault {
        /// Kind in the fixture; empty if there is none.
        kind: String,
    },
    /// Probability of a fault that is not a number from 0 to 1.
    #[error("`probability` is a number from 0 to 1")]
    Probability,
    /// Value that is not a rate limit.
    #[error("`{found}` is not a limit, expected such as {{calls: 5, per: 60s}}")]
    RateLimit {
        /// Value of the fixture.
        found: Value,
    },
    /// Unknown field of a fault or of a rate limit.
    #[error("`{name}` is not a field here, expected `{}`", .expected.join("` or `"))]
    Field {
        /// Name of the field.
        name: String,
        /// Names of the known fields.
        expected: &'static [&'static str],
    },
    /// Value that is not an interval of calls.
    #[error("`{found}` is not an interval of calls, expected such as `3 calls` or `3rd`")]
    Interval {
        /// Value of the fixture, as text.
        found: String,
    },
    /// Value that is not a number of calls.
    #[error("`{found}` is not a number of calls, expected such as `2 calls`")]
    Calls {
        /// Value of the fixture, as text.
        found: String,
    },
}

/// Delay of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// Constant delay: `300ms`.
    Fixed(Duration),
    /// Uniform distribution between two times: `100ms-1s`.
    Uniform(Duration, Duration),
    /// Log-normal distribution, near the median and sometimes much longer:
    /// `{median: 200ms, sigma: 0.5}`.
    LogNormal(Duration, f64),
}

/// Longest delay, an hour: longer configured times are refused, longer random ones are cut.
const LONGEST: Duration = Duration::from_secs(3600);

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(time) => write!(f, "{time:?}"),
            Self::Uniform(min, max) => write!(f, "{min:?}-{max:?}"),
            Self::LogNormal(median, sigma) => write!(f, "{{median: {median:?}, sigma: {sigma}}}"),
        }
    }
}

impl Delay {
    /// Reads `300` (milliseconds), `300ms`, `1.5s`, `100ms-1s`, `{min: …, max: …}` or
    /// `{median: …, sigma: …}`.
    ///
    /// # Errors
    ///
    /// Returns an error with the expected notation.
    pub fn read(value: &Value) -> Result<Self, SimulationError> {
        let expected = || SimulationError::Delay {
            found: value.clone(),
        };
        match value {
            Value::String(text) => Self::parse(text).ok_or_else(expected),
            Value::Number(_) => Self::parse(&value.to_string()).ok_or_else(expected),
            Value::Object(object) => {
                let time = |name: &str| object.get(name).and_then(|value| duration(&plain(value)));
                let sigma = object
                    .get("sigma")
                    .and_then(Value::as_f64)
                    .filter(|sigma| (0.0..=5.0).contains(sigma));
                match (time("min"), time("max"), time("median"), sigma) {
                    (Some(min), Some(max), None, None) if min <= max && object.len() == 2 => {
                        Ok(Self::Uniform(min, max))
                    }
                    (None, None, Some(median), Some(sigma)) if object.len() == 2 => {
                        Ok(Self::LogNormal(median, sigma))
                    }
                    _ => Err(expected()),
                }
            }
            _ => Err(expected()),
        }
    }

    /// Parses `300ms`, `1.5s`, `100ms-1s`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((min, max)) = text.split_once('-') {
            let (min, max) = (duration(min)?, duration(max)?);
            return (min <= max).then_some(Self::Uniform(min, max));
        }
        duration(text).map(Self::Fixed)
    }

    /// Returns the time to wait; `first` and `second` are uniform random numbers from 0 to 1.
    #[must_use]
    pub fn draw(self, first: f64, second: f64) -> Duration {
        match self {
            Self::Fixed(time) => time,
            Self::Uniform(min, max) => min + max.saturating_sub(min).mul_f64(first.clamp(0.0, 1.0)),
            Self::LogNormal(median, sigma) => {
                // Box-Muller transform (1958).
                let normal = (-2.0 * first.max(f64::MIN_POSITIVE).ln()).sqrt()
                    * (std::f64::consts::TAU * second).cos();
                let seconds = median.as_secs_f64() * (sigma * normal).exp();
                Duration::try_from_secs_f64(seconds)
                    .unwrap_or(LONGEST)
                    .min(LONGEST)
            }
        }
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Parses `300` and `300ms`, `1.5s`, `2m`; `None` for more than an hour.
#[must_use]
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("", 0.001)];
    let (number, unit) = units
        .iter()
        .find_map(|(end, unit)| Some((text.strip_suffix(end)?, unit)))?;
    let number: f64 = number
        .trim()
        .parse()
        .ok()
        .filter(|number: &f64| *number >= 0.0)?;
    Duration::try_from_secs_f64(number * unit)
        .ok()
        .filter(|time| *time <= LONGEST)
}

/// Kinds of simulated faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// Connection reset; no response is sent.
    Reset,
    /// Connection closed; no response is sent.
    Empty,
    /// Connection closed after half of the content.
    Truncate,
    /// Content sent in small pieces, with pauses between them.
    SlowBody,
    /// Documented error with this status.
    Status(StatusCode),
}

/// A fault and its probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulatedFault {
    /// Kind of fault.
    pub kind: Break,
    /// Probability from 0 to 1.
    pub probability: f64,
}

impl SimulatedFault {
    /// Reads `reset` or `{kind: reset, probability: 0.2}`; `status` is the status of the fixture
    /// entry.
    ///
    /// # Errors
    ///
    /// Returns an error with the expected kinds or range.
    pub fn read(value: &Value, status: Option<StatusCode>) -> Result<Self, SimulationError> {
        let (kind, probability) = match value {
            Value::String(kind) => (kind.as_str(), Some(1.0)),
            Value::Object(object) => {
                known(object, &["kind", "probability"])?;
                let probability = object.get("probability").map_or(Some(1.0), Value::as_f64);
                (
                    object
                        .get("kind")
                        .and_then(Value::as_str)
                        .unwrap_or_default(),
                    probability,
                )
            }
            _ => ("", None),
        };
        let kind = match kind {
            "reset" => Break::Reset,
            "empty" => Break::Empty,
            "truncate" => Break::Truncate,
            "slow-body" => Break::SlowBody,
            "status" => Break::Status(status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE)),
            other => {
                return Err(SimulationError::Fault {
                    kind: other.to_owned(),
                });
            }
        };
        match probability.filter(|probability| (0.0..=1.0).contains(probability)) {
            Some(probability) => Ok(Self { kind, probability }),
            None => Err(SimulationError::Probability),
        }
    }
}

/// Limit on the calls of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls that are allowed within the period.
    pub calls: u64,
    /// Length of the period.
    pub per: Duration,
}

impl RateLimit {
    /// Reads `{calls: 5, per: 60s}`.
    ///
    /// # Errors
    ///
    /// Returns an error with the expected notation.
    pub fn read(value: &Value) -> Result<Self, SimulationError> {
        let expected = || SimulationError::RateLimit {
            found: value.clone(),
        };
        let object = value.as_object().ok_or_else(expected)?;
        known(object, &["calls", "per"])?;
        let calls = object
            .get("calls")
            .and_then(Value::as_u64)
            .ok_or_else(expected)?;
        let per = object
            .get("per")
            .and_then(|per| duration(&plain(per)))
            .filter(|per| !per.is_zero())
            .ok_or_else(expected)?;
        Ok(Self { calls, per })
    }
}

fn known(
    object: &Map<String, Value>,
    expected: &'static [&'static str],
) -> Result<(), SimulationError> {
    match object
        .keys()
        .find(|name| !expected.contains(&name.as_str()))
    {
        Some(unknown) => Err(SimulationError::Field {
            name: unknown.clone(),
            expected,
        }),
        None => Ok(()),
    }
}

/// Reads a number of calls: `2`, `2 calls`.
///
/// # Errors
///
/// Returns an error with the expected notation.
pub(crate) fn calls(value: &Value) -> Result<u64, SimulationError> {
    let text = plain(value);
    let number = text
        .split_whitespace()
        .next()
        .and_then(|number| number.parse().ok());
    let rest = text.split_whitespace().nth(1);
    number
        .filter(|_| rest.is_none_or(|word| word == "calls" || word == "call"))
        .ok_or(SimulationError::Calls { found: text })
}

/// Reads an interval of calls: `3`, `3 calls`, `3rd`, `3rd call`.
///
/// # Errors
///
/// Returns an error with the expected notation.
pub(crate) fn interval(value: &Value) -> Result<u64, SimulationError> {
    const ORDINALS: [&str; 4] = ["st", "nd", "rd", "th"];
    let text = plain(value);
    let words: Vec<&str> = text.split_whitespace().collect();
    let number = match words.as_slice() {
        [number] | [number, "call" | "calls"] => *number,
        _ => return Err(SimulationError::Interval { found: text }),
    };
    let cardinal = ORDINALS.iter().find_map(|end| number.strip_suffix(end));
    let interval = cardinal.unwrap_or(number).parse();
    interval.map_err(|_| SimulationError::Interval { found: text })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn delays_are_read_and_drawn() {
        let ms = Duration::from_millis;
        assert_eq!(Delay::read(&json!(300)), Ok(Delay::Fixed(ms(300))));
        assert_eq!(Delay::parse("1.5s"), Some(Delay::Fixed(ms(1500))));
        assert_eq!(
            Delay::parse("100ms-1s"),
            Some(Delay::Uniform(ms(100), ms(1000)))
        );
        assert_eq!(
            Delay::read(&json!({"min": "1s", "max": "2s"})),
            Ok(Delay::Uniform(ms(1000), ms(2000)))
        );
        for wrong in [
            json!("-1"),
            json!("2h"),
            json!("1s-100ms"),
            json!({"median": "1s"}),
            json!(null),
            json!("90m"),
        ] {
            assert!(Delay::read(&wrong).is_err(), "{wrong}");
        }
        assert_eq!(Delay::Uniform(ms(100), ms(300)).draw(0.5, 0.0), ms(200));
        let median = Delay::LogNormal(ms(200), 0.5);
        assert!(median.draw(0.3, 0.0) > ms(200) && median.draw(0.3, 0.5) < ms(200));
        assert_eq!(Delay::LogNormal(ms(200), 5.0).draw(0.0, 0.0), LONGEST);
    }

    #[test]
    fn faults_and_limits_are_read() {
        let reset = SimulatedFault {
            kind: Break::Reset,
            probability: 0.2,
        };
        assert_eq!(
            SimulatedFault::read(&json!({"kind": "reset", "probability": 0.2}), None),
            Ok(reset)
        );
        assert!(SimulatedFault::read(&json!("explode"), None).is_err());
        assert!(SimulatedFault::read(&json!({"kind": "reset", "probability": 2}), None).is_err());
        assert_eq!(
            RateLimit::read(&json!({"calls": 5, "per": "1m"})).map(|limit| limit.per),
            Ok(Duration::from_secs(60))
        );
        assert!(RateLimit::read(&json!({"calls": 5})).is_err());
        assert_eq!((calls(&json!(2)), calls(&json!("3 calls"))), (Ok(2), Ok(3)));
        assert!(calls(&json!("soon")).is_err());
        for third in [json!(3), json!("3 calls"), json!("3rd"), json!(" 3rd call")] {
            assert_eq!(interval(&third), Ok(3), "{third}");
        }
        for wrong in [
            json!("rd"),
            json!("third"),
            json!("3 rd"),
            json!("3 calls each"),
            json!(-3),
            json!(1.5),
            json!(null),
        ] {
            assert!(interval(&wrong).is_err(), "{wrong}");
        }
    }
}
