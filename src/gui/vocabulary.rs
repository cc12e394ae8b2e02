//! The terms that the picker offers, and the index that finds them: made once for a set of packs, not at every frame.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use egui::Color32;

use super::theme;
use crate::domain::{Field, Ontology, Term, TermIndex, TermRef, TermStatus};

/// A term as the picker shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TermRow {
    pub reference: TermRef,
    pub term: Term,
    /// Heading of the term's group by language; empty without one.
    pub group: BTreeMap<String, String>,
}

impl TermRow {
    pub fn group_id(&self) -> &str {
        &self.term.group
    }

    pub fn color(&self) -> Color32 {
        theme::term_color(&self.term.color, &self.term.group)
    }
}

/// Every active term, group by group in the packs' order, and the index over them.
#[derive(Debug, Default)]
pub struct TermTable {
    pub rows: Vec<TermRow>,
    /// The row of a term, by its place in the packs.
    row_of: HashMap<(usize, usize), usize>,
    index: TermIndex,
    /// Packs by id and version: what the table was made of.
    of: Vec<(String, String)>,
}

/// Ids and versions of packs.
fn names<'a>(packs: impl IntoIterator<Item = &'a Ontology>) -> Vec<(String, String)> {
    packs.into_iter().map(|p| (p.id.clone(), p.version.clone())).collect()
}

impl TermTable {
    pub fn new(packs: &[&Ontology]) -> Self {
        let mut out = Self { of: names(packs.iter().copied()), ..Self::default() };
        out.index = TermIndex::new(packs.iter().copied());
        for (p, pack) in packs.iter().enumerate() {
            let mut terms: Vec<(usize, &Term)> =
                pack.terms.iter().enumerate().filter(|(_, t)| t.status == TermStatus::Active).collect();
            terms.sort_by_key(|(_, t)| pack.groups.iter().position(|g| g.id == t.group).unwrap_or(usize::MAX));
            for (t, term) in terms {
                let heading = pack.groups.iter().find(|g| g.id == term.group);
                out.row_of.insert((p, t), out.rows.len());
                out.rows.push(TermRow {
                    reference: TermRef { pack: pack.id.clone(), version: pack.version.clone(), id: term.id.clone() },
                    term: term.clone(),
                    group: heading.map(|g| g.label.clone()).unwrap_or_default(),
                });
            }
        }
        out
    }

    /// Numbers of the rows to offer, best first; all of them in pack order for an empty query.
    pub fn search(&self, query: &str, limit: usize) -> Vec<usize> {
        if query.trim().is_empty() {
            return (0..self.rows.len()).collect();
        }
        let found = self.index.find(query, limit);
        found.iter().filter_map(|(place, _)| self.row_of.get(place).copied()).collect()
    }
}

/// The tables of a project's fields, each made when it is first wanted.
#[derive(Debug, Default)]
pub struct TermTables {
    made: HashMap<Option<Field>, Arc<TermTable>>,
}

impl TermTables {
    /// The terms of the packs of a field; of all packs where none fits.
    pub fn of(&mut self, packs: &[Ontology], field: Option<Field>) -> Arc<TermTable> {
        let fits = |p: &&Ontology| Some(p.field) == field;
        let some = packs.iter().any(|p| fits(&p));
        let chosen: Vec<&Ontology> = packs.iter().filter(|p| !some || fits(p)).collect();
        if let Some(table) = self.made.get(&field)
            && table.of == names(chosen.iter().copied())
        {
            return Arc::clone(table);
        }
        let table = Arc::new(TermTable::new(&chosen));
        self.made.insert(field, Arc::clone(&table));
        table
    }
}

/// What a query found, kept for as long as neither the query nor the terms change.
#[derive(Clone, Debug, Default)]
pub struct TermHits {
    query: String,
    table: Arc<TermTable>,
    rows: Vec<usize>,
}

impl TermHits {
    /// The rows to offer for a query, looked up anew only when something has changed.
    pub fn find(&mut self, table: &Arc<TermTable>, query: &str, limit: usize) -> &[usize] {
        if self.query != query || !Arc::ptr_eq(&self.table, table) {
            self.rows = table.search(query, limit);
            query.clone_into(&mut self.query);
            self.table = Arc::clone(table);
        }
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packs() -> Vec<Ontology> {
        crate::project::embedded_packs().unwrap().into_iter().map(|p| p.ontology).collect()
    }

    #[test]
    fn a_table_is_made_once_for_the_packs_of_a_field() {
        let (packs, mut tables) = (packs(), TermTables::default());
        let first = tables.of(&packs, Some(Field::Pathology));
        assert!(Arc::ptr_eq(&first, &tables.of(&packs, Some(Field::Pathology))));
        let other = tables.of(&packs, Some(Field::Radiology));
        assert_ne!(first.rows.len(), 0);
        assert!(other.rows.iter().all(|r| first.rows.iter().all(|f| f.reference != r.reference)));
        // Another version of a pack is another table.
        let mut newer = packs.clone();
        for pack in &mut newer {
            pack.version = "99.0.0".to_owned();
        }
        assert!(!Arc::ptr_eq(&first, &tables.of(&newer, Some(Field::Pathology))));
    }

    #[test]
    fn hits_follow_the_query_and_the_terms() {
        let (packs, mut tables, mut hits) = (packs(), TermTables::default(), TermHits::default());
        let slides = tables.of(&packs, Some(Field::Pathology));
        assert_eq!(hits.find(&slides, "", 40).len(), slides.rows.len(), "an empty query offers everything");
        let found: Vec<&str> =
            hits.find(&slides, "poorly", 40).iter().map(|i| slides.rows[*i].term.label["en"].as_str()).collect();
        assert!(
            found.iter().filter(|l| l.starts_with("Poorly differentiated adenocarcinoma")).count() >= 2,
            "{found:?}"
        );
        let chest = tables.of(&packs, Some(Field::Radiology));
        assert!(hits.find(&chest, "poorly", 40).len() < found.len(), "the terms have changed under the query");
    }
}
