//! Slices that lie at the same places told apart: phases, echoes, b-values, time points. By the attributes that name them,
//! and where none does by how the places repeat.

use std::collections::BTreeMap;

/// Distances along the normal that differ by less than this are the same place (mm).
pub const SAME_PLACE_MM: f64 = 1e-3;

/// What may tell slices of one place apart, most telling first; empty where the file is silent. Texts that sort as they
/// should, see [`number_key`].
pub type Keys = [String; 8];

/// A number as a text that sorts by its value; empty for none.
pub fn number_key(value: Option<f64>) -> String {
    value.map(|value| format!("{:020.4}", value + 1e9)).unwrap_or_default()
}

/// A slice with its place along the normal.
pub struct Placed<T> {
    pub at_mm: f64,
    pub keys: Keys,
    pub item: T,
}

/// Sorted by place, slices of one place in the order they came in. Where every place holds as many slices, at least two,
/// and there is more than one place, they are split into as many stacks; so they are when an attribute alone gives stacks
/// without repetition. Otherwise one stack comes back.
pub fn split<T>(mut placed: Vec<Placed<T>>) -> Vec<Vec<Placed<T>>> {
    placed.sort_by(|a, b| a.at_mm.total_cmp(&b.at_mm));
    let counts = counts(&placed);
    let most = counts.iter().copied().max().unwrap_or(0);
    if most < 2 || counts.len() < 2 {
        return vec![placed];
    }
    let even = counts.iter().all(|count| *count == most);
    let keys = placed.first().map_or(0, |one| one.keys.len());
    for key in 0..keys {
        let of = |one: &Placed<T>| one.keys.get(key).cloned().unwrap_or_default();
        let values: std::collections::BTreeSet<String> = placed.iter().map(of).collect();
        if values.len() < 2 || values.iter().any(String::is_empty) {
            continue;
        }
        let sound = values.iter().all(|value| {
            let own: Vec<f64> = placed.iter().filter(|one| of(one) == *value).map(|one| one.at_mm).collect();
            let counts = counts_of(&own);
            let same = counts.first().is_some_and(|first| counts.iter().all(|count| count == first));
            if even {
                same && counts.len() * most == placed.len()
            } else {
                own.len() > 1 && counts.iter().all(|c| *c == 1)
            }
        });
        if !sound {
            continue;
        }
        let mut groups: BTreeMap<String, Vec<Placed<T>>> = BTreeMap::new();
        for one in placed {
            groups.entry(of(&one)).or_default().push(one);
        }
        // Echoes may repeat over time: what is still repeated is split further.
        return groups.into_values().flat_map(split).collect();
    }
    if !even {
        return vec![placed];
    }
    let mut out: Vec<Vec<Placed<T>>> = (0..most).map(|_| Vec::new()).collect();
    for (index, one) in placed.into_iter().enumerate() {
        if let Some(stack) = out.get_mut(index % most) {
            stack.push(one);
        }
    }
    out
}

fn counts<T>(placed: &[Placed<T>]) -> Vec<usize> {
    counts_of(&placed.iter().map(|one| one.at_mm).collect::<Vec<_>>())
}

/// How many of these sorted places are the same, place by place.
fn counts_of(places: &[f64]) -> Vec<usize> {
    let mut out: Vec<usize> = Vec::new();
    let mut before = f64::NEG_INFINITY;
    for place in places {
        match out.last_mut() {
            Some(count) if place - before < SAME_PLACE_MM => *count += 1,
            _ => out.push(1),
        }
        before = *place;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(at_mm: f64, echo: Option<f64>, time: Option<f64>, item: u32) -> Placed<u32> {
        let mut keys = Keys::default();
        keys[0] = number_key(echo);
        keys[1] = number_key(time);
        Placed { at_mm, keys, item }
    }

    fn items(stacks: Vec<Vec<Placed<u32>>>) -> Vec<Vec<u32>> {
        stacks.into_iter().map(|stack| stack.into_iter().map(|one| one.item).collect()).collect()
    }

    #[test]
    fn echoes_and_times_are_told_apart_together() {
        let all = (0..24_u32).map(|item| {
            let (echo, time, place) = (item / 12, item / 4 % 3, item % 4);
            let echo_ms = if echo == 0 { 95.0 } else { 9.5 };
            slice(f64::from(place) * 3.0, Some(echo_ms), Some(f64::from(time)), item)
        });
        let all = all.collect();
        let stacks = items(split(all));
        assert_eq!(stacks.len(), 6);
        // The shorter echo comes first although it came later, and 95 sorts after 9.5.
        assert_eq!(stacks[0], [12, 13, 14, 15]);
        assert_eq!(stacks[5], [8, 9, 10, 11]);
    }

    #[test]
    fn without_attributes_repeating_places_are_taken_in_turn() {
        let all = vec![
            slice(0.0, None, None, 1),
            slice(3.0, None, None, 2),
            slice(0.0, None, None, 3),
            slice(3.0, None, None, 4),
        ];
        assert_eq!(items(split(all)), [[1, 2], [3, 4]]);
    }

    #[test]
    fn one_repeated_slice_and_one_place_are_no_phases() {
        let all = vec![slice(0.0, None, None, 1), slice(3.0, None, None, 2), slice(3.0, None, None, 3)];
        assert_eq!(items(split(all)), [[1, 2, 3]]);
        let cine = (0..5).map(|i| slice(7.0, None, Some(f64::from(i)), i)).collect();
        assert_eq!(items(split(cine)), [[0, 1, 2, 3, 4]]);
    }

    #[test]
    fn phases_that_cover_different_places_are_split_by_their_attribute_alone() {
        let all = vec![
            slice(0.0, None, Some(1.0), 1),
            slice(3.0, None, Some(1.0), 2),
            slice(3.0, None, Some(2.0), 3),
            slice(6.0, None, Some(2.0), 4),
        ];
        assert_eq!(items(split(all)), [[1, 2], [3, 4]]);
    }
}
