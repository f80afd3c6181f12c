//! To and from `Decimal` of the crate `rust_decimal`, for sums that must not lose a digit (feature
//! `rust_decimal`).

use std::fmt;

use ::rust_decimal::Decimal as Number;

use super::Decimal;

/// A decimal of more digits than `rust_decimal` holds: 28. The decimal itself is left out, because it may be
/// data of a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecimalConversionError;

impl fmt::Display for DecimalConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a decimal of at most 28 digits")
    }
}

impl std::error::Error for DecimalConversionError {}

impl TryFrom<&Decimal> for Number {
    type Error = DecimalConversionError;

    /// The number with its precision: `1.00` keeps two digits.
    ///
    /// # Errors
    ///
    /// More digits than fit; nothing is rounded.
    fn try_from(decimal: &Decimal) -> Result<Self, DecimalConversionError> {
        let text = decimal.as_str();
        let read = match text.find(['e', 'E']) {
            None => Number::from_str_exact(text.strip_prefix('+').unwrap_or(text)),
            Some(_) => Number::from_scientific(text),
        };
        read.map_err(|_| DecimalConversionError)
    }
}

impl From<Number> for Decimal {
    fn from(number: Number) -> Self {
        number.to_string().parse().unwrap_or_else(|_| Self::from(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_survives() {
        for text in ["1.00", "-0.5", "79228162514264337593543950335", "0.0000000000000000000000000001"] {
            let decimal: Decimal = text.parse().expect("a decimal");
            let number = Number::try_from(&decimal).expect("it fits");
            assert_eq!(Decimal::from(number), decimal);
        }
        for (text, same) in [("+1.5", "1.5"), (".5", "0.5"), ("5.", "5"), ("6.02E3", "6020")] {
            let decimal: Decimal = text.parse().expect("a decimal");
            assert_eq!(Number::try_from(&decimal).map(|number| number.to_string()).as_deref(), Ok(same));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in ["0.00000000000000000000000000001", "1E300", "792281625142643375935439503350"] {
            let decimal: Decimal = text.parse().expect("a decimal");
            assert!(Number::try_from(&decimal).is_err(), "{text}");
        }
    }
}
