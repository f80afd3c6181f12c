//! [`Summary`]: how many files were valid, converted or unreadable, and which rules they break, as a table
//! for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use koppeltaal_fhir::{Format, Severity};

use crate::diagnostic::severity_name;
use crate::output::plural;
use crate::report::{Report, Verdict};

/// Counts of files and of their findings.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    json: usize,
    xml: usize,
    /// Neither JSON nor XML, or not loaded at all.
    neither: usize,
    verdicts: BTreeMap<Verdict, usize>,
    /// Files that are valid and have warnings or remarks.
    valid_with_findings: usize,
    skipped: usize,
    /// How many findings break a rule, and in how many files.
    rules: BTreeMap<(Severity, &'static str), (usize, usize)>,
    suppressed: usize,
}

impl Summary {
    pub(crate) fn add(&mut self, report: &Report) {
        match report.format {
            Some(Format::Json) => self.json += 1,
            Some(Format::Xml) => self.xml += 1,
            None => self.neither += 1,
        }
        *self.verdicts.entry(report.verdict).or_default() += 1;
        let has_findings = !report.diagnostics.is_empty();
        self.valid_with_findings += usize::from(report.verdict == Verdict::Valid && has_findings);
        self.suppressed += report.suppressed;
        let mut in_file: BTreeMap<_, usize> = BTreeMap::new();
        for diagnostic in &report.diagnostics {
            *in_file.entry((diagnostic.severity, diagnostic.rule)).or_default() += 1;
        }
        for (rule, count) in in_file {
            let (findings, files) = self.rules.entry(rule).or_default();
            *findings += count;
            *files += 1;
        }
    }

    pub(crate) fn skip(&mut self) {
        self.skipped += 1;
    }

    /// The table. Each line ends with a newline.
    pub(crate) fn table(&self) -> String {
        let total: usize = self.verdicts.values().sum();
        let width = total.max(self.skipped).to_string().len() + 2;
        let formats = [(self.json, "JSON"), (self.xml, "XML"), (self.neither, "neither")];
        let formats: Vec<_> = formats
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        let colon = if formats.is_empty() { "" } else { ": " };
        let mut table = format!("{total} {}{colon}{}\n", plural(total, "file", "files"), formats.join(", "));
        for (verdict, count) in &self.verdicts {
            let _ = write!(table, "{count:width$} {}", verdict.name());
            if *verdict == Verdict::Valid && self.valid_with_findings > 0 {
                let _ = write!(table, ", {} of them with warnings or remarks", self.valid_with_findings);
            }
            table.push('\n');
        }
        if self.skipped > 0 {
            let _ = writeln!(
                table,
                "{:width$} skipped, whose names end neither in .json nor in .xml",
                self.skipped
            );
        }
        if !self.rules.is_empty() {
            table += "\nfindings  files  rule\n";
        }
        let mut rules: Vec<_> = self.rules.iter().collect();
        // The gravest first, and of those the most frequent.
        rules.sort_by_key(|((severity, _), (findings, _))| std::cmp::Reverse((*severity, *findings)));
        for ((severity, rule), (findings, files)) in rules {
            let _ = writeln!(table, "{findings:8}  {files:5}  {}[{rule}]", severity_name(*severity));
        }
        if self.suppressed > 0 {
            let _ = writeln!(table, "{:8}         more not listed", self.suppressed);
        }
        table
    }
}
