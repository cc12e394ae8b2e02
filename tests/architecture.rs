//! The house rules that a compiler does not check: who may import whom, how files are named, how long they may be.
//!
//! Every rule is a function from source text to complaints, so that the tests at the end can plant a breach of each
//! rule and see it found. A rule that cannot fail would be worse than none.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Modules in layers, lowest first, each with the modules it may import. The order is also the order in `lib.rs`.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("journal", &["domain"]),
    ("tasks", &[]),
    ("keys", &["domain", "journal"]),
    ("imaging", &["domain", "tasks"]),
    ("store", &["domain", "journal", "tasks"]),
    ("analysis", &["domain", "imaging", "tasks"]),
    ("exchange", &["domain", "journal", "keys", "imaging", "analysis", "tasks"]),
    ("sync", &["domain", "journal", "keys", "store", "tasks"]),
    ("project", &["domain", "journal", "tasks", "keys", "imaging", "store", "analysis", "exchange", "sync"]),
    ("cli", &["domain", "project"]),
    ("render", &[]),
    ("gui", &["domain", "project", "render"]),
    ("demo", ANYTHING),
    ("bench", ANYTHING),
];

/// The two modules that nobody imports but `main.rs`, and which may use all others.
const ANYTHING: &[&str] = &[
    "domain", "journal", "tasks", "keys", "imaging", "store", "analysis", "exchange", "sync", "project", "cli",
    "render", "gui", "demo", "bench",
];

/// What the binary's `main.rs` dispatches to.
const MAIN_MAY_IMPORT: &[&str] = &["domain", "project", "cli", "gui", "demo", "bench"];

/// Crates that belong to one place: each list of crates with the only folders or files that may name them.
const CONFINED: &[(&[&str], &[&str])] = &[
    (&["egui", "eframe", "egui_extras", "egui_tiles", "egui_plot", "egui_table", "egui_wgpu"], &["src/gui/"]),
    (&["wgpu"], &["src/render/", "src/gui/viewport/"]),
    (&["rusqlite"], &["src/store/"]),
    (&["anyhow"], &["src/cli/", "src/main.rs", "src/demo/", "src/bench/"]),
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "manager", "helpers", "helper", "core", "misc"];

/// The files that may hold `unsafe`, each with its reason. Every block needs a `SAFETY:` comment (clippy checks it).
const UNSAFE_ALLOWED: &[(&str, &str)] = &[
    ("src/imaging/openslide/library.rs", "OpenSlide's C interface, called by the child worker alone"),
    ("src/imaging/wide.rs", "one call into the version of a loop that was compiled for the processor at hand"),
];

const LONGEST_FILE: usize = 600;

/// One source file: its path from the repository's root, with `/`, and its text.
#[derive(Clone)]
struct SourceFile {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read_tree(folder: &str) -> Vec<SourceFile> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("a readable folder").map(|e| e.expect("an entry").path()) {
            if entry.is_dir() {
                walk(&entry, found);
            } else if entry.extension().is_some_and(|e| e == "rs") {
                found.push(entry);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| SourceFile {
            text: std::fs::read_to_string(&path).expect("UTF-8 source"),
            path: path.strip_prefix(root()).expect("inside").to_string_lossy().replace('\\', "/"),
        })
        .collect()
}

/// The module path of a source file: `src/a/b.rs` and `src/a/b/mod.rs` are `["a", "b"]`, `lib.rs` and `main.rs` are `[]`.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// A path as written, with the line it stands on.
struct Mention {
    line: usize,
    path: Vec<String>,
    /// Brought in by `pub use`, where `*` is the last segment of a glob.
    exported: bool,
}

/// Collects every path of a file: uses, types, expressions, patterns, attributes, and those inside macros.
struct Mentions {
    module: Vec<String>,
    found: Vec<Mention>,
}

impl Mentions {
    fn of(file: &SourceFile) -> Result<Vec<Mention>, String> {
        let parsed = syn::parse_file(&file.text).map_err(|e| format!("{}: does not parse: {e}", file.path))?;
        let mut mentions = Self { module: module_of(&file.path), found: Vec::new() };
        mentions.visit_file(&parsed);
        Ok(mentions.found)
    }

    /// Turns `crate::a`, `super::b`, `self::c`, `shoken::d` into a path that starts with `crate`.
    fn resolve(&self, written: &[String]) -> Vec<String> {
        let mut rest = written;
        let mut here = self.module.clone();
        let mut relative = false;
        while let Some(first) = rest.first() {
            match first.as_str() {
                "self" => {}
                "super" => drop(here.pop()),
                "crate" | "shoken" if !relative => here.clear(),
                _ => break,
            }
            relative = true;
            rest = &rest[1..];
        }
        if !relative {
            return written.to_vec();
        }
        std::iter::once("crate".to_owned()).chain(here).chain(rest.iter().cloned()).collect()
    }

    fn note(&mut self, written: &[String], line: usize, exported: bool) {
        let path = self.resolve(written);
        self.found.push(Mention { line, path, exported });
    }

    fn use_tree(&mut self, tree: &syn::UseTree, before: &[String], line: usize, exported: bool) {
        let with = |name: String| before.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(p) => self.use_tree(&p.tree, &with(p.ident.to_string()), line, exported),
            syn::UseTree::Name(n) if n.ident == "self" => self.note(before, line, exported),
            syn::UseTree::Rename(r) if r.ident == "self" => self.note(before, line, exported),
            syn::UseTree::Name(n) => self.note(&with(n.ident.to_string()), line, exported),
            syn::UseTree::Rename(r) => self.note(&with(r.ident.to_string()), line, exported),
            syn::UseTree::Glob(_) => self.note(&with("*".to_owned()), line, exported),
            syn::UseTree::Group(g) => {
                for item in &g.items {
                    self.use_tree(item, before, line, exported);
                }
            }
        }
    }

    /// Macros hold bare tokens; a path in them is a run of names joined by `::`, a `{}` group after it is a use list.
    fn tokens(&mut self, stream: TokenStream, before: &[String]) {
        let mut run: Vec<String> = before.to_vec();
        let mut line = 0;
        let mut colons = if before.is_empty() { 0 } else { 2 };
        for token in stream {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end_run(&mut run, line);
                        run = before.to_vec();
                    }
                    line = ident.span().start().line;
                    run.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(p) if p.as_char() == ':' => colons += 1,
                TokenTree::Punct(p) if p.as_char() == ',' && !before.is_empty() => {
                    self.end_run(&mut run, line);
                    run = before.to_vec();
                    colons = 2;
                }
                TokenTree::Punct(p) if p.as_char() == '$' => {}
                TokenTree::Group(group) => {
                    let prefix = if colons == 2 && group.delimiter() == Delimiter::Brace { &run[..] } else { &[] };
                    self.tokens(group.stream(), prefix);
                    self.end_run(&mut run, line);
                    colons = 0;
                }
                _ => {
                    self.end_run(&mut run, line);
                    colons = 0;
                }
            }
        }
        self.end_run(&mut run, line);
    }

    fn end_run(&mut self, run: &mut Vec<String>, line: usize) {
        if run.len() > 1 {
            self.note(run, line, false);
        }
        run.clear();
    }
}

impl<'ast> Visit<'ast> for Mentions {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let exported = matches!(item.vis, syn::Visibility::Public(_));
        self.use_tree(&item.tree, &[], item.span().start().line, exported);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        self.note(&[item.ident.to_string()], item.span().start().line, false);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let written: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.note(&written, path.span().start().line, false);
        visit::visit_path(self, path);
    }

    /// `pub(crate)` names no module.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone(), &[]);
        visit::visit_macro(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }
}

fn allowed_imports(file: &SourceFile) -> Result<Vec<&'static str>, String> {
    if file.path == "src/lib.rs" {
        return Ok(ANYTHING.to_vec());
    }
    if file.path == "src/main.rs" {
        return Ok(MAIN_MAY_IMPORT.to_vec());
    }
    let own = module_of(&file.path).into_iter().next().unwrap_or_default();
    match MAY_IMPORT.iter().find(|(name, _)| *name == own) {
        Some((name, list)) => Ok(list.iter().copied().chain([*name]).collect()),
        None => Err(format!("{}: module `{own}` is not in the table of tests/architecture.rs", file.path)),
    }
}

fn import_breaches(file: &SourceFile) -> Vec<String> {
    let (allowed, mentions) = match (allowed_imports(file), Mentions::of(file)) {
        (Ok(allowed), Ok(mentions)) => (allowed, mentions),
        (Err(e), _) | (_, Err(e)) => return vec![e],
    };
    let known: BTreeSet<&str> = MAY_IMPORT.iter().map(|(name, _)| *name).collect();
    let mut breaches = BTreeSet::new();
    for Mention { line, path, exported } in mentions {
        let at = format!("{}:{line}", file.path);
        let written = path.join("::");
        let mut parts = path.iter().map(String::as_str);
        if parts.next() == Some("crate") {
            match parts.next() {
                // The crate's root under another name would hide every edge behind it.
                None | Some("*") => drop(breaches.insert(format!("{at}: `{written}` names the whole crate"))),
                Some(module) if known.contains(module) && !allowed.contains(&module) => {
                    breaches.insert(format!("{at}: `{written}` is no allowed import"));
                }
                Some(module) if exported && known.contains(module) && path.len() == 2 => {
                    breaches.insert(format!("{at}: re-export types by name, not the module `{module}`"));
                }
                Some(_) => {}
            }
        }
        if exported && path.last().is_some_and(|p| p == "*") {
            breaches.insert(format!("{at}: re-export by name, not `{written}`"));
        }
        for (crates, folders) in CONFINED {
            let outside = !folders.iter().any(|f| file.path.starts_with(f));
            // `eframe::wgpu` and `egui_wgpu::wgpu` are wgpu too.
            let through = path.iter().take_while(|p| *p == "eframe" || *p == "egui_wgpu").count();
            let named = path.iter().take(through + 1).find(|p| crates.contains(&p.as_str()));
            if let (true, Some(name)) = (outside, named) {
                breaches.insert(format!("{at}: `{name}` belongs in {}", folders.join(" and ")));
            }
        }
    }
    breaches.into_iter().collect()
}

fn file_breaches(file: &SourceFile) -> Vec<String> {
    let mut breaches = Vec::new();
    if !file.text.starts_with("//! ") {
        breaches.push(format!("{}: starts without a `//!` header", file.path));
    }
    let lines = file.text.lines().count();
    if lines > LONGEST_FILE {
        breaches.push(format!("{}: {lines} lines, more than {LONGEST_FILE}; split it by what it does", file.path));
    }
    for part in file.path.trim_end_matches(".rs").split('/') {
        if let Some(word) = part.split('_').find(|w| EMPTY_NAMES.contains(w)) {
            breaches.push(format!("{}: `{word}` does not say what is inside", file.path));
        }
    }
    if !UNSAFE_ALLOWED.iter().any(|(path, _)| *path == file.path) {
        let stream: TokenStream = file.text.parse().unwrap_or_default();
        for line in unsafe_lines(stream) {
            breaches.push(format!("{}:{line}: `unsafe` outside the listed files", file.path));
        }
    }
    breaches
}

fn unsafe_lines(stream: TokenStream) -> Vec<usize> {
    stream
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(i) if i == "unsafe" || i == "unsafe_code" => vec![i.span().start().line],
            TokenTree::Group(g) => unsafe_lines(g.stream()),
            _ => Vec::new(),
        })
        .collect()
}

/// Names declared by `mod name;` in a file.
fn declared_modules(text: &str) -> Vec<String> {
    let parsed = syn::parse_file(text).expect("source that parses");
    let plain = parsed.items.into_iter().filter_map(|item| match item {
        syn::Item::Mod(m) if m.content.is_none() => Some(m.ident.to_string()),
        _ => None,
    });
    plain.collect()
}

/// Test files that the one integration binary does not declare would silently never run.
fn undeclared_tests(files: &[SourceFile]) -> Vec<String> {
    let text = |path: &str| files.iter().find(|f| f.path == path).map(|f| f.text.as_str());
    let mut breaches = Vec::new();
    for file in files {
        let (folder, name) = file.path.rsplit_once('/').expect("a path inside tests/");
        let (parent, module) = match (folder, name) {
            (_, "main.rs") => continue,
            (folder, "mod.rs") => folder.rsplit_once('/').expect("a folder inside tests/"),
            (folder, name) => (folder, name.trim_end_matches(".rs")),
        };
        let declaring = if parent == "tests" { "tests/main.rs".to_owned() } else { format!("{parent}/mod.rs") };
        let declared = text(&declaring).map(declared_modules).unwrap_or_default();
        if !declared.iter().any(|m| m == module) {
            breaches.push(format!("{}: not declared in {declaring}, so it never runs", file.path));
        }
    }
    breaches
}

fn layer_order_breaches(lib_rs: &str) -> Vec<String> {
    let declared = declared_modules(lib_rs);
    let expected: Vec<&str> = MAY_IMPORT.iter().map(|(name, _)| *name).collect();
    if declared == expected {
        vec![]
    } else {
        vec![format!("lib.rs declares {declared:?}, the layers are {expected:?}")]
    }
}

fn all_breaches(files: &[SourceFile]) -> Vec<String> {
    files.iter().flat_map(|f| import_breaches(f).into_iter().chain(file_breaches(f))).collect()
}

fn listed(breaches: &[String]) -> String {
    breaches.iter().fold(String::new(), |mut text, b| {
        let _ = writeln!(text, "  {b}");
        text
    })
}

#[test]
fn every_source_file_keeps_the_house_rules() {
    let files = read_tree("src");
    assert!(files.len() > 15, "the walk found only {} files", files.len());
    let breaches = all_breaches(&files);
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), listed(&breaches));
}

#[test]
fn lib_declares_the_layers_in_order() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert_eq!(layer_order_breaches(&lib), Vec::<String>::new());
}

#[test]
fn every_test_file_runs_and_is_readable() {
    let files = read_tree("tests");
    let mut breaches = undeclared_tests(&files);
    breaches.extend(files.iter().flat_map(file_breaches).filter(|b| !b.contains("`unsafe`")));
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), listed(&breaches));
}

#[test]
fn the_import_table_has_no_cycle() {
    let at = |name: &str| MAY_IMPORT.iter().position(|(n, _)| *n == name).expect("a known module");
    for (name, imports) in MAY_IMPORT.iter().filter(|(n, _)| *n != "demo" && *n != "bench") {
        for import in *imports {
            assert!(at(import) < at(name), "{name} may import {import}, which does not stand below it");
        }
    }
}

fn planted(path: &str, text: &str) -> Vec<String> {
    all_breaches(&[SourceFile { path: path.to_owned(), text: format!("//! Planted.\n{text}\n") }])
}

#[test]
fn a_planted_edge_is_found_however_it_is_written() {
    for text in [
        "use crate::gui::App;",
        "use crate::{domain::Term, gui::App};",
        "use super::super::gui;",
        "use super::super::{domain::Term, gui as window};",
        "fn f() { let _ = crate::gui::open(); }",
        "fn f(app: &crate::gui::App) {}",
        "fn f() { println!(\"{}\", crate::gui::name()); }",
        "fn f() { vec![super::super::gui::name()]; }",
        "macro_rules! m { () => { $crate::gui::open() } }",
        "macro_rules! m { () => { use crate::{domain::Term, gui::App}; } }",
        "mod inner { use super::super::super::gui::App; }",
        "#[cfg(test)] mod tests { use shoken::gui::App; }",
        "impl crate::gui::Panel for () {}",
        "use crate as everything;",
        "use super::super::*;",
    ] {
        let breaches = planted("src/imaging/tiff.rs", text);
        assert_eq!(breaches.len(), 1, "{text}\nfound {breaches:?}");
        assert!(breaches[0].starts_with("src/imaging/tiff.rs:2: "), "{breaches:?}");
    }
}

#[test]
fn allowed_edges_are_left_alone() {
    for (path, text) in [
        ("src/imaging/tiff.rs", "use crate::domain::Level; use crate::tasks::Ticket; use super::source::Samples;"),
        (
            "src/gui/viewport/draw.rs",
            "use crate::render::Scene; use wgpu::Device; use eframe::wgpu as w; use egui::Ui;",
        ),
        ("src/main.rs", "use shoken::cli; fn main() { shoken::demo::run(); }"),
        ("src/store/log.rs", "pub(crate) struct Log; pub(super) fn f() {} pub(in crate::store) fn g() {}"),
        ("src/demo/mod.rs", "use crate::{gui, store, keys};"),
        ("src/domain/term.rs", "mod gui {} use self::gui as own; fn f() { gui::x(); }"),
        ("src/cli/show.rs", "use anyhow::Context as _; use crate::project::{Project, Command};"),
    ] {
        assert_eq!(planted(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn every_other_rule_finds_its_breach() {
    for (path, text, expected) in [
        ("src/cli/show.rs", "use crate::imaging::open;", "no allowed import"),
        ("src/main.rs", "use shoken::store::Store;", "no allowed import"),
        ("src/cli/show.rs", "fn f(ui: &mut egui::Ui) {}", "`egui` belongs in src/gui/"),
        ("src/gui/panels/list.rs", "use wgpu::Device;", "`wgpu` belongs in"),
        ("src/gui/panels/list.rs", "fn f(d: &eframe::wgpu::Device) {}", "`wgpu` belongs in"),
        ("src/gui/panels/list.rs", "use eframe::egui_wgpu::wgpu::Device;", "`wgpu` belongs in"),
        ("src/project/open.rs", "use rusqlite::Connection;", "`rusqlite` belongs in"),
        ("src/store/log.rs", "fn f() -> anyhow::Result<()> { Ok(()) }", "`anyhow` belongs in"),
        ("src/project/mod.rs", "pub use crate::imaging;", "re-export types by name"),
        ("src/project/mod.rs", "pub use open::*;", "re-export by name"),
        ("src/store/helpers.rs", "", "does not say what is inside"),
        ("src/store/lock_manager.rs", "", "does not say what is inside"),
        ("src/unheard_of/mod.rs", "", "not in the table"),
        ("src/store/log.rs", "fn f() { unsafe { g() } }", "`unsafe` outside"),
        ("src/store/log.rs", "#[allow(unsafe_code, reason = \"no\")] fn f() {}", "`unsafe` outside"),
        ("src/store/log.rs", "fn f( {", "does not parse"),
    ] {
        let breaches = planted(path, text);
        assert!(breaches.iter().any(|b| b.contains(expected)), "{path}: {text}\nfound {breaches:?}");
    }
    let bare = SourceFile { path: "src/store/log.rs".into(), text: "fn f() {}\n".repeat(601) };
    let breaches = file_breaches(&bare);
    assert!(breaches.iter().any(|b| b.contains("`//!` header")), "{breaches:?}");
    assert!(breaches.iter().any(|b| b.contains("601 lines")), "{breaches:?}");
}

#[test]
fn a_test_file_nobody_declares_and_a_swapped_layer_are_found() {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
    let tests = [
        file("tests/main.rs", "mod read;\nmod support;\n"),
        file("tests/read.rs", ""),
        file("tests/forgotten.rs", ""),
        file("tests/support/mod.rs", "mod samples;"),
        file("tests/support/samples.rs", ""),
        file("tests/support/lost.rs", ""),
    ];
    let breaches = undeclared_tests(&tests);
    assert_eq!(breaches.len(), 2, "{breaches:?}");
    assert!(breaches[0].starts_with("tests/forgotten.rs") && breaches[1].starts_with("tests/support/lost.rs"));
    assert_eq!(layer_order_breaches("pub mod journal; pub mod domain;").len(), 1);
}
