//! The rules for identifiers: the check digit of a BSN, and placeholders for unknown values.

use koppeltaal_fhir::Findings;
use koppeltaal_fhir::datatypes::Identifier;

use crate::rules;
use crate::vocabulary::system::BSN;

/// Texts that senders write when they have no value. Koppeltaal's technical design forbids such identifiers.
const PLACEHOLDERS: &[&str] =
    &["unknown", "onbekend", "null", "undefined", "none", "n/a", "nvt", "n.v.t.", "-", "?"];

/// Checks the identifiers in a list of this name.
pub(super) fn check(name: &str, identifiers: &[Identifier], findings: &mut Findings) {
    for (index, identifier) in identifiers.iter().enumerate() {
        let Some(value) = identifier.value.as_str() else { continue };
        let path = format!("{name}[{index}].value");
        if is_placeholder(value) {
            let found = format!("{value:?}");
            findings
                .report(rules::IDENTIFIER_PLACEHOLDER, &path)
                .expected("an identifier, or none")
                .found(found);
        } else if identifier.system.as_str() == Some(BSN) && !is_bsn(value) {
            // Does not quote the number: a mistyped one is as private as a correct one.
            let expected = format_args!(
                "a BSN, because the system is {BSN}: nine digits that pass the elfproef \
                 (times 9, 8, 7, 6, 5, 4, 3, 2 and -1, they add up to a multiple of 11)"
            );
            findings.report(rules::IDENTIFIER_BSN, &path).expected(expected).found("another text");
        }
    }
}

/// Whether a text is a placeholder: a word for an unknown value, or a digit repeated, as in 9999 or
/// 000000000.
pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let lower = text.to_lowercase();
    let first = text.chars().next();
    let is_one_digit = text.len() >= 4
        && first.is_some_and(|first| matches!(first, '0' | '9') && text.chars().all(|c| c == first));
    lower.is_empty() || PLACEHOLDERS.contains(&lower.as_str()) || is_one_digit
}

/// The check of the citizen service number ("elfproef"): eight or nine digits whose sum, weighted 9 to 2 and
/// -1, is divisible by 11. A number of eight digits has lost its leading zero.
fn is_bsn(text: &str) -> bool {
    let digits: Option<Vec<i32>> =
        text.chars().map(|c| c.to_digit(10).and_then(|digit| i32::try_from(digit).ok())).collect();
    let Some(mut digits) = digits.filter(|digits| matches!(digits.len(), 8 | 9)) else { return false };
    if digits.len() == 8 {
        digits.insert(0, 0);
    }
    let weights = [9, 8, 7, 6, 5, 4, 3, 2, -1];
    let sum: i32 = digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
    sum % 11 == 0 && digits.iter().any(|digit| *digit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_fails_the_check_is_not_a_bsn() {
        for right in ["111222333", "123456782", "12345672"] {
            assert!(is_bsn(right), "{right}");
        }
        for wrong in [
            "123456789",
            "111222334",
            "000000000",
            "1234567",
            "1234567820",
            "12345678x",
            "",
            "１２３４５６７８２",
        ] {
            assert!(!is_bsn(wrong), "{wrong}");
        }
    }

    #[test]
    fn placeholders_are_distinguished_from_identifiers() {
        for placeholder in ["UNKNOWN", "null", " Onbekend ", "9999", "000000000", "", "N/A"] {
            assert!(is_placeholder(placeholder), "{placeholder:?}");
        }
        for identifier in ["2041", "1111", "999", "99998", "nul", "9999-1"] {
            assert!(!is_placeholder(identifier), "{identifier:?}");
        }
    }
}
