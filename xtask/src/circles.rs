//! `cargo xtask circles` finds files that import each other in a circle, and compares them with the table in
//! `ARCHITECTURE.md`.
//!
//! An import is a path that starts with `crate`, `self` or `super`, anywhere in a file. It leads to the file
//! that defines the item, not to one that re-exports it. A module may import its parts and they may import
//! it. Generated code counts as one file. Files that only tests have do not count.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use imports::Imports;

/// The page that gives the reason for each circle, and the heading above their table.
const PAGE: &str = "ARCHITECTURE.md";
const HEADING: &str = "## Circles between files";

/// A package and the files of one circle in it, without `src/` and `.rs`.
type Circle = (String, BTreeSet<String>);

/// Fails if the circles differ from the table on the page. Without the page, every circle is new.
pub(crate) fn run() -> Result<()> {
    let root = crate::workspace_root()?;
    let mut found = BTreeSet::new();
    for package in packages(&root)? {
        let name = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.extend(circles(&package.join("src"))?.into_iter().map(|files| (name.clone(), files)));
    }
    let page = match fs::read_to_string(root.join(PAGE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        page => page.with_context(|| format!("{PAGE} cannot be read"))?,
    };
    let listed = listed_circles(&page);
    let show = |(package, files): &Circle| {
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        format!("{package}: {}", files.join(", "))
    };
    let new: Vec<_> = found.difference(&listed).map(show).collect();
    let gone: Vec<_> = listed.difference(&found).map(show).collect();
    if !new.is_empty() || !gone.is_empty() {
        bail!(
            "the table under \"{HEADING}\" in {PAGE} is out of date\nnot in the table:\n  {}\nonly in the table:\n  {}",
            new.join("\n  "),
            gone.join("\n  ")
        );
    }
    println!("{} circles of files, each with its reason in {PAGE}", found.len());
    Ok(())
}

/// The folders of the workspace's packages.
fn packages(root: &Path) -> Result<Vec<PathBuf>> {
    let mut packages: Vec<_> =
        ["", "comparison", "conformance", "interop"].map(|name| root.join("xtask").join(name)).into();
    for entry in fs::read_dir(root.join("crates"))? {
        packages.push(entry?.path());
    }
    packages.sort();
    Ok(packages)
}

/// The circles in the table of the page. Its columns are package, files and reason.
fn listed_circles(page: &str) -> BTreeSet<Circle> {
    let section = page.split_once(HEADING).map_or("", |(_, section)| section);
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let row = |line: &str| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let (package, files) = (cells.next()?, cells.next()?);
        let files: BTreeSet<_> =
            files.split(',').filter_map(|file| file.trim().strip_prefix('`')?.strip_suffix('`')).collect();
        let files: BTreeSet<_> = files.into_iter().map(str::to_owned).collect();
        (!files.is_empty()).then(|| (package.trim_matches('`').to_owned(), files))
    };
    section.lines().filter_map(row).collect()
}

/// The circles among the files below a folder.
fn circles(source: &Path) -> Result<Vec<BTreeSet<String>>> {
    let mut files = BTreeMap::new();
    read(source, &mut Vec::new(), &mut files)?;
    let tests: Vec<Vec<String>> = files.values().flat_map(Imports::tests).cloned().collect();
    files.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
    let arrows: BTreeMap<&Vec<String>, BTreeSet<&Vec<String>>> =
        files.keys().map(|module| (module, imports::arrows(module, &files))).collect();
    let reach: BTreeMap<_, _> = files.keys().map(|module| (module, reachable(module, &arrows))).collect();
    let mut circles = BTreeSet::new();
    for (module, reached) in &reach {
        let circle: BTreeSet<_> = reached.iter().filter(|other| reach[*other].contains(module)).collect();
        if circle.len() > 1 {
            circles.insert(circle.into_iter().map(|module| module.join("/")).collect());
        }
    }
    Ok(circles.into_iter().collect())
}

/// The modules that can be reached from a module by one import or more.
fn reachable<'f>(
    from: &'f Vec<String>,
    arrows: &BTreeMap<&'f Vec<String>, BTreeSet<&'f Vec<String>>>,
) -> BTreeSet<&'f Vec<String>> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        for next in &arrows[module] {
            if reached.insert(*next) {
                open.push(next);
            }
        }
    }
    reached
}

/// Reads the modules below a folder, by their path in the crate. The root's path is empty.
fn read(folder: &Path, module: &mut Vec<String>, files: &mut BTreeMap<Vec<String>, Imports>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // Each file in `bin` is a crate of its own.
        if name == "bin" {
            continue;
        }
        if path.is_dir() {
            module.push(name);
            read(&path, module, files)?;
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut own = module.clone();
            if !matches!(name.as_str(), "lib" | "main" | "mod") {
                own.push(name);
            }
            let text = fs::read_to_string(&path)?;
            let imports = Imports::parse(&text, &own).with_context(|| path.display().to_string())?;
            own.truncate(own.iter().position(|name| name == "generated").map_or(own.len(), |at| at + 1));
            files.entry(own).or_default().add(imports);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn circles_in(files: &[(&str, &str)]) -> Result<Vec<BTreeSet<String>>> {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("circles-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("a"))?;
        for (name, text) in files {
            fs::write(folder.join(name), text)?;
        }
        let found = circles(&folder);
        fs::remove_dir_all(&folder)?;
        found
    }

    #[test]
    fn files_that_import_each_other_are_a_circle_even_through_a_reexport() -> Result<()> {
        let found = circles_in(&[
            ("lib.rs", "mod a; mod b; mod c; pub use b::B; #[cfg(test)] mod tests { use crate::a; }"),
            ("a.rs", "mod inner; use crate::{B, c::{self, C}}; pub(crate) struct A;"),
            ("a/inner.rs", "fn f() -> super::super::c::C { todo!() }"),
            ("b.rs", "pub struct B(pub crate::a::A);"),
            ("c.rs", "pub struct C;"),
        ])?;
        let circle: BTreeSet<String> = ["a", "b"].map(str::to_owned).into();
        assert_eq!(found, [circle]);
        Ok(())
    }

    #[test]
    fn files_that_only_tests_have_do_not_count() -> Result<()> {
        let tests = [
            "#[cfg(test)] mod b;",
            "#[cfg(all(test, unix))] pub(crate) mod b;",
            "#[cfg(any(test, all(doctest, feature = \"x\")))] mod b;",
            "#[cfg(test)] use std::{fmt, io}; #[cfg(test)] fn f<A, B>() where A: B, B: A {} #[cfg(test)] mod b;",
        ];
        let others = [
            "mod b;",
            "#[cfg(not(test))] mod b;",
            "#[cfg(any(test, unix))] mod b;",
            "struct S { #[cfg(test)] a: A<u8>, b: u8 } mod b;",
        ];
        for (declarations, expected) in
            tests.map(|text| (text, 0)).into_iter().chain(others.map(|text| (text, 1)))
        {
            let root = format!("mod a; {declarations}");
            let found = circles_in(&[
                ("lib.rs", &root),
                ("a.rs", "pub struct A(crate::b::B);"),
                ("b.rs", "pub struct B(crate::a::A);"),
            ])?;
            assert_eq!(found.len(), expected, "{declarations}");
        }
        let inner = circles_in(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "pub struct A(#[cfg(test)] crate::c::C, crate::b::B);"),
            ("b.rs", "#![cfg(test)] use crate::a::A;"),
            ("c.rs", "use crate::a::A;"),
        ])?;
        assert_eq!(inner, [], "an inner attribute, and a field");
        Ok(())
    }

    #[test]
    fn circles_are_read_from_the_table_of_the_page() {
        let page = format!(
            "x\n{HEADING}\n\n| package | files | why |\n|---|---|---|\n| `p` | `a`, `b/c` | so |\n\n## Next\n| `q` | `d` | |"
        );
        let files: BTreeSet<String> = ["a", "b/c"].map(str::to_owned).into();
        assert_eq!(listed_circles(&page), BTreeSet::from([("p".to_owned(), files)]));
    }
}
