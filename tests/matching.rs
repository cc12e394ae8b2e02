//! Pairing two blind reads: geometry against published vectors (G1–G4), relations, and independence of order.

use proptest::prelude::*;
use shoken::analysis::matching::{Candidate, MatchRule, Relation, best_assignment, compare, dice, iou};
use shoken::domain::{FindingId, Polygon, Roi, RoiSpace, Shape, TermRef};

fn square(x: f64, y: f64, side: f64) -> Shape {
    Shape::from_ring(vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side]])
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

#[test]
fn g1_shifted_squares_share_a_third() {
    let (a, b) = (square(0.0, 0.0, 10.0), square(5.0, 0.0, 10.0));
    assert!(near(iou(&a, &b), 1.0 / 3.0), "{}", iou(&a, &b));
    assert!(near(dice(&a, &b), 0.5));
}

#[test]
fn g2_triangle_against_square_shares_half() {
    let triangle = Shape::from_ring(vec![[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]);
    let a = square(0.0, 0.0, 5.0);
    let (shared, _) = triangle.overlap_px2(&a);
    assert!(near(shared, 25.0));
    assert!(near(iou(&triangle, &a), 0.5));
    assert!(near(dice(&triangle, &a), 2.0 / 3.0));
}

#[test]
fn g3_donut_covers_84_percent_of_the_full_square() {
    let hole = vec![[3.0, 3.0], [3.0, 7.0], [7.0, 7.0], [7.0, 3.0]];
    let full = square(0.0, 0.0, 10.0);
    let Shape::Polygons(parts) = &full else { unreachable!() };
    let donut = Shape::Polygons(vec![Polygon { exterior: parts[0].exterior.clone(), holes: vec![hole] }]);
    assert!(near(donut.area_px2(), 84.0));
    assert!(near(iou(&donut, &full), 0.84));
}

#[test]
fn g4_bow_tie_keeps_both_lobes() {
    let bow_tie = Shape::from_ring(vec![[0.0, 0.0], [10.0, 10.0], [10.0, 0.0], [0.0, 10.0]]);
    let (repaired, how) = bow_tie.repaired().unwrap();
    assert!(near(repaired.area_px2(), 50.0));
    assert!(how.self_crossing);
}

struct Side(Vec<(FindingId, TermRef, Roi)>);

impl Side {
    fn new(found: &[(&str, &str, u32, Shape)]) -> Self {
        let term = |id: &str| TermRef { pack: "p".into(), version: "1.0.0".into(), id: id.into() };
        Self(
            found
                .iter()
                .map(|(id, t, frame, shape)| {
                    let roi = Roi { frame: *frame, space: RoiSpace::Image, shape: shape.clone() };
                    (FindingId::new(id).unwrap(), term(t), roi)
                })
                .collect(),
        )
    }

    fn view(&self) -> Vec<Candidate<'_>> {
        self.0.iter().map(|(id, term, roi)| Candidate { id, term, roi }).collect()
    }
}

#[test]
fn every_relation_is_named() {
    let a = Side::new(&[
        ("a1", "t1", 0, square(0.0, 0.0, 100.0)),
        ("a2", "t1", 0, square(300.0, 0.0, 100.0)),
        ("a3", "t1", 0, square(600.0, 0.0, 100.0)),
        ("a4", "t1", 0, square(900.0, 0.0, 100.0)),
    ]);
    let b = Side::new(&[
        ("b1", "t1", 0, square(1.0, 0.0, 100.0)),
        ("b2", "t2", 0, square(300.0, 2.0, 100.0)),
        ("b3", "t1", 0, square(620.0, 0.0, 100.0)),
        ("b5", "t1", 0, square(0.0, 500.0, 100.0)),
    ]);
    let found: Vec<_> = compare(&a.view(), &b.view(), &MatchRule::default()).iter().map(|m| m.relation).collect();
    assert_eq!(
        found,
        [Relation::Agreed, Relation::TermDiffers, Relation::BoundaryDiffers, Relation::OnlyA, Relation::OnlyB]
    );
}

#[test]
fn frames_are_never_mixed() {
    let a = Side::new(&[("a1", "t1", 3, square(0.0, 0.0, 10.0))]);
    let b = Side::new(&[("b1", "t1", 4, square(0.0, 0.0, 10.0))]);
    let found: Vec<_> =
        compare(&a.view(), &b.view(), &MatchRule::default()).iter().map(|m| (m.frame, m.relation)).collect();
    assert_eq!(found, [(3, Relation::OnlyA), (4, Relation::OnlyB)]);
}

#[test]
fn the_best_sum_wins_over_the_best_single_pair() {
    // Greedy would take b1 for a2 (0.9) and leave a1 alone; together 0.8 + 0.6 is more than 0.9.
    let weight = vec![vec![0.8, 0.0], vec![0.9, 0.6]];
    assert_eq!(best_assignment(&weight, 2), [Some(0), Some(1)]);
}

#[test]
fn points_pair_by_distance() {
    let a = Side::new(&[("a1", "t1", 0, Shape::Point([10.0, 10.0])), ("a2", "t1", 0, Shape::Point([100.0, 10.0]))]);
    let b = Side::new(&[("b1", "t1", 0, Shape::Point([10.5, 10.0])), ("b2", "t1", 0, Shape::Point([150.0, 10.0]))]);
    let found: Vec<_> = compare(&a.view(), &b.view(), &MatchRule::default()).iter().map(|m| m.relation).collect();
    assert_eq!(found, [Relation::Agreed, Relation::OnlyA, Relation::OnlyB]);
}

fn brute_force(weight: &[Vec<f64>], row: usize, used: &mut Vec<bool>) -> f64 {
    let Some(line) = weight.get(row) else { return 0.0 };
    let mut best = brute_force(weight, row + 1, used);
    for j in 0..line.len() {
        if !used[j] {
            used[j] = true;
            best = best.max(line[j] + brute_force(weight, row + 1, used));
            used[j] = false;
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: proptest::test_runner::RngSeed::Fixed(20), ..ProptestConfig::default() })]

    #[test]
    fn assignment_equals_exhaustive_search(rows in 1..5_usize, columns in 1..5_usize, values in prop::collection::vec(0_u32..100, 16)) {
        let weight: Vec<Vec<f64>> = (0..rows).map(|i| (0..columns).map(|j| f64::from(values[i * 4 + j])).collect()).collect();
        let partner = best_assignment(&weight, columns);
        let sum: f64 = partner.iter().enumerate().filter_map(|(i, j)| j.map(|j| weight[i][j])).sum();
        prop_assert!((sum - brute_force(&weight, 0, &mut vec![false; columns])).abs() < 1e-9);
    }

    #[test]
    fn the_order_of_findings_does_not_matter(places in prop::collection::vec((0_u32..400, 0_u32..400, 20_u32..80, 0..2_u32), 1..7), turn in 0..7_usize) {
        let make = |prefix: &str, shift: f64| -> Vec<(String, String, u32, Shape)> {
            places.iter().enumerate().map(|(i, (x, y, s, t))| {
                (format!("{prefix}{i}"), format!("t{t}"), 0, square(f64::from(*x) + shift, f64::from(*y), f64::from(*s)))
            }).collect()
        };
        let side = |v: &[(String, String, u32, Shape)]| Side::new(&v.iter().map(|(a, b, c, d)| (a.as_str(), b.as_str(), *c, d.clone())).collect::<Vec<_>>());
        let (a, b) = (make("a", 0.0), make("b", 7.0));
        let mut turned = a.clone();
        turned.rotate_left(turn % a.len());
        let first = compare(&side(&a).view(), &side(&b).view(), &MatchRule::default());
        let second = compare(&side(&turned).view(), &side(&b).view(), &MatchRule::default());
        prop_assert_eq!(first, second);
    }
}
