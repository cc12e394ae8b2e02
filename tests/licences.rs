//! Every linked crate may be given away: `deny.toml` is the list, `cargo metadata` is the truth.
//!
//! `cargo deny` reads the same file; building it takes longer than the whole CI may, so this test stands in for it on
//! the platform that it runs on.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use toml_edit::DocumentMut;

struct Policy {
    allow: BTreeSet<String>,
    /// Crate name and the licences allowed for it alone.
    exceptions: Vec<(String, BTreeSet<String>)>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn strings(item: Option<&toml_edit::Item>) -> BTreeSet<String> {
    let array = item.and_then(toml_edit::Item::as_array).expect("an array in deny.toml");
    array.iter().map(|v| v.as_str().expect("a string").to_owned()).collect()
}

fn policy(text: &str) -> Policy {
    let doc: DocumentMut = text.parse().expect("deny.toml parses");
    let licenses = doc["licenses"].as_table().expect("[licenses]");
    let entries = licenses["exceptions"].as_array().expect("exceptions");
    let exceptions = entries.iter().map(|entry| {
        let table = entry.as_inline_table().expect("an inline table");
        let allow = table["allow"].as_array().expect("allow").iter();
        (table["crate"].as_str().expect("crate").to_owned(), allow.map(|v| v.as_str().unwrap().to_owned()).collect())
    });
    Policy { allow: strings(licenses.get("allow")), exceptions: exceptions.collect() }
}

/// Whether an SPDX expression can be satisfied with allowed licences alone. `/` is the old spelling of `OR`.
fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let result = any_of(&words, &mut at, allowed);
    assert_eq!(at, words.len(), "cannot read the licence expression `{expression}`");
    result
}

fn any_of(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut result = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        result |= all_of(words, at, allowed);
    }
    result
}

fn all_of(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut result = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        result &= one(words, at, allowed);
    }
    result
}

fn one(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let Some(&word) = words.get(*at) else { return false };
    *at += 1;
    if word == "(" {
        let result = any_of(words, at, allowed);
        *at += usize::from(words.get(*at) == Some(&")"));
        return result;
    }
    if words.get(*at) == Some(&"WITH") {
        let with = format!("{word} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
        return allowed(&with);
    }
    allowed(word)
}

fn metadata() -> Value {
    let host = Command::new(env!("CARGO")).args(["-vV"]).output().expect("cargo runs");
    let host = String::from_utf8(host.stdout).expect("UTF-8");
    let triple = host.lines().find_map(|l| l.strip_prefix("host: ")).expect("cargo names its host");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--all-features"])
        .args(["--filter-platform", triple, "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON")
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package[key].as_str().unwrap_or("")
}

#[test]
fn every_dependency_has_an_allowed_licence_and_source() {
    let policy = policy(&std::fs::read_to_string(root().join("deny.toml")).unwrap());
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "cargo metadata lists only {} packages", packages.len());
    let mut problems = Vec::new();
    for package in packages.iter().filter(|p| !p["source"].is_null()) {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        let own = policy.exceptions.iter().filter(|(n, _)| n == name);
        let extra: BTreeSet<&String> = own.flat_map(|(_, l)| l).collect();
        if !satisfied(licence, &|l| policy.allow.contains(l) || extra.iter().any(|e| *e == l)) {
            problems.push(format!("{name} {}: licence `{licence}`", text(package, "version")));
        }
        if text(package, "source") != "registry+https://github.com/rust-lang/crates.io-index" {
            problems.push(format!("{name}: comes from {}", text(package, "source")));
        }
    }
    assert!(problems.is_empty(), "not allowed by deny.toml:\n{}", problems.join("\n"));
    for (name, _) in &policy.exceptions {
        assert!(packages.iter().any(|p| text(p, "name") == name), "deny.toml excepts {name}, which is not used");
    }
}

/// A crate that compiles C code gives that code away too; its licence text travels with the binary.
#[test]
fn linked_c_libraries_bring_their_licence_texts() {
    let metadata = metadata();
    // These use `links` only so that cargo never takes two of them.
    let bring_nothing = ["rayon-core", "prettyplease"];
    for package in metadata["packages"].as_array().expect("packages") {
        let (name, links) = (text(package, "name"), text(package, "links"));
        if links.is_empty() || bring_nothing.contains(&name) {
            continue;
        }
        let file = root().join("assets/licences").join(format!("{name}.txt"));
        let length = std::fs::metadata(&file).map_or(0, |m| m.len());
        assert!(length > 100, "{name} links `{links}`: put the library's licence text into {}", file.display());
    }
}

#[test]
fn a_licence_expression_is_read_as_spdx_means_it() {
    let allowed = |l: &str| ["MIT", "Apache-2.0 WITH LLVM-exception"].contains(&l);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND MIT", true),
        ("GPL-3.0 OR MIT AND GPL-2.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
        ("", false),
    ] {
        assert_eq!(satisfied(expression, &allowed), expected, "{expression}");
    }
    let made = policy("[licenses]\nallow = [\"MIT\"]\nexceptions = [{ allow = [\"EPL-2.0\"], crate = \"x\" }]\n");
    assert_eq!(made.exceptions[0].0, "x");
    assert!(made.exceptions[0].1.contains("EPL-2.0") && made.allow.contains("MIT"));
}
