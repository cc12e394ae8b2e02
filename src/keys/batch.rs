//! Many signatures at once, at a quarter of the time of one by one, with exactly the verdicts of one by one.
//!
//! A signature `(R, s)` of a message under a key `A` is strict when `s` is reduced, `R` is written canonically, neither `R`
//! nor `A` has small order, and `[s]B − [k]A − R = 0` with `k = SHA-512(R ‖ A ‖ message)`. Instead of every such sum the
//! batch takes one: the sum of all, each times a random 128-bit number (Bernstein et al., "High-speed high-security
//! signatures", 2012, §5). Zero then means, but for one chance in 2^125, that each is zero *in the group of prime order*. The
//! curve has eight times as many points, and a part in the rest would slip through a plain batch now and then, which is why
//! ed25519-dalek's own batch does not agree with its strict check (Chalkias, Garillot, Nikolaenko, "Taming the many EdDSAs",
//! 2020). Therefore it is proved first that there is no such part: of every key by itself, of all `R` by 64 sums over random
//! halves of them, each of which shows one with a chance of at least one half. Whatever fails is checked one by one, so that
//! only an *accepted* batch rests on chance: 2^-64, drawn anew at every run from the system's randomness and so out of reach
//! of whoever wrote the signatures.

use std::collections::BTreeMap;

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, IsIdentity, VartimeMultiscalarMul};
use sha2::{Digest as _, Sha512};

use super::verify_bytes;
use crate::domain::Digest;
use crate::journal::{PublicKey, signing_message};

/// Fewer than this are faster one by one: 64 sums have to be looked at, however many there are.
const WORTHWHILE: usize = 192;
/// More than this at once gain nothing.
const AT_ONCE: usize = 4096;

/// A transaction's signature and the key that it should be of.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    pub key: PublicKey,
    /// Hash of the transaction.
    pub hash: &'a Digest,
    pub signature: &'a [u8; 64],
}

impl Claim<'_> {
    fn holds(&self) -> bool {
        verify_bytes(&self.key, &signing_message(self.hash), self.signature).is_ok()
    }
}

/// Places in the list of the claims that do not hold, ascending: those that [`super::verify_signed`] would refuse.
pub fn forged(claims: &[Claim<'_>]) -> Vec<usize> {
    let one_by_one = |some: &[Claim<'_>]| (0..some.len()).filter(|i| !some.get(*i).is_some_and(Claim::holds)).collect();
    let mut out = Vec::new();
    for (n, some) in claims.chunks(AT_ONCE).enumerate() {
        let mut seed = [0_u8; 32];
        let drawn = some.len() >= WORTHWHILE && getrandom::fill(&mut seed).is_ok();
        let bad: Vec<usize> = if drawn { Batch::new(some, seed).forged() } else { one_by_one(some) };
        out.extend(bad.into_iter().map(|i| n * AT_ONCE + i));
    }
    out
}

/// What is left to prove of a claim once its parts have been read.
struct Equation {
    /// Its place in the list.
    at: usize,
    /// Place of its key in the list of keys.
    key: usize,
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
}

struct Batch<'a> {
    claims: &'a [Claim<'a>],
    seed: [u8; 32],
    /// Keys without a part of small order; the claims of others are checked one by one.
    keys: Vec<EdwardsPoint>,
    equations: Vec<Equation>,
    forged: Vec<usize>,
}

/// A point by its bytes, where they are canonical and the point is not one of the eight of small order.
fn point(bytes: [u8; 32]) -> Option<EdwardsPoint> {
    // y below 2^255 - 19. The other spelling that is not canonical, a sign on x = 0, has small order.
    let [low, middle @ .., high] = bytes;
    let beyond = low >= 0xed && middle.iter().all(|b| *b == 0xff) && high & 0x7f == 0x7f;
    if beyond { None } else { CompressedEdwardsY(bytes).decompress().filter(|p| !p.is_small_order()) }
}

impl<'a> Batch<'a> {
    fn new(claims: &'a [Claim<'a>], seed: [u8; 32]) -> Self {
        let mut out = Self { claims, seed, keys: Vec::new(), equations: Vec::new(), forged: Vec::new() };
        let mut known: BTreeMap<PublicKey, Option<usize>> = BTreeMap::new();
        for (at, claim) in claims.iter().enumerate() {
            let key = *known.entry(claim.key).or_insert_with(|| {
                let point = point(*claim.key.0.as_bytes()).filter(EdwardsPoint::is_torsion_free)?;
                out.keys.push(point);
                Some(out.keys.len() - 1)
            });
            let Some(key) = key else {
                if !claim.holds() {
                    out.forged.push(at);
                }
                continue;
            };
            match read(claim) {
                Some((r, s, k)) => out.equations.push(Equation { at, key, r, s, k }),
                None => out.forged.push(at),
            }
        }
        out
    }

    fn forged(mut self) -> Vec<usize> {
        if !(self.all_in_the_prime_group() && self.sums_to_zero()) {
            let fails = |e: &&Equation| !self.claims.get(e.at).is_some_and(Claim::holds);
            self.forged.extend(self.equations.iter().filter(fails).map(|e| e.at));
        }
        self.forged.sort_unstable();
        self.forged
    }

    /// 64 random bytes for a purpose, by number.
    fn noise(&self, purpose: u8, number: u64) -> [u8; 64] {
        let hash = Sha512::new().chain_update(self.seed).chain_update([purpose]).chain_update(number.to_le_bytes());
        hash.finalize().into()
    }

    /// Whether the sum of all equations, each times a random number, is zero.
    fn sums_to_zero(&self) -> bool {
        let mut base = Scalar::ZERO;
        let mut of_key = vec![Scalar::ZERO; self.keys.len()];
        let mut times = Vec::with_capacity(self.equations.len());
        for (number, some) in (0..).zip(self.equations.chunks(4)) {
            let noise = self.noise(0, number);
            for (equation, bytes) in some.iter().zip(noise.as_chunks::<16>().0) {
                let z = Scalar::from(u128::from_le_bytes(*bytes));
                base -= z * equation.s;
                if let Some(sum) = of_key.get_mut(equation.key) {
                    *sum += z * equation.k;
                }
                times.push(z);
            }
        }
        let scalars = times.iter().chain(&of_key).chain([&base]);
        let points = self.equations.iter().map(|e| &e.r).chain(&self.keys).chain([&ED25519_BASEPOINT_POINT]);
        EdwardsPoint::vartime_multiscalar_mul(scalars, points).is_identity()
    }

    /// Whether no `R` has a part outside the group of prime order: 64 sums over random halves of them, eight at a time from
    /// 256 partial sums.
    fn all_in_the_prime_group(&self) -> bool {
        (1..=8).all(|eight| {
            let mut partial = vec![EdwardsPoint::identity(); 256];
            for (number, some) in (0..).zip(self.equations.chunks(64)) {
                for (equation, byte) in some.iter().zip(self.noise(eight, number)) {
                    if let Some(sum) = partial.get_mut(usize::from(byte)) {
                        *sum += equation.r;
                    }
                }
            }
            (0..8).all(|bit| {
                let half = partial.iter().enumerate().filter(|(byte, _)| byte >> bit & 1 == 1);
                half.map(|(_, sum)| sum).sum::<EdwardsPoint>().is_torsion_free()
            })
        })
    }
}

/// `R`, `s` and `k` of a claim; `None` where the strict check refuses `R` or `s` by itself.
fn read(claim: &Claim<'_>) -> Option<(EdwardsPoint, Scalar, Scalar)> {
    let (r, s) = claim.signature.split_first_chunk::<32>()?;
    let s: Option<Scalar> = Scalar::from_canonical_bytes(*s.first_chunk::<32>()?).into();
    let hash = Sha512::new().chain_update(r).chain_update(claim.key.0.as_bytes());
    let wide: [u8; 64] = hash.chain_update(signing_message(claim.hash)).finalize().into();
    Some((point(*r)?, s?, Scalar::from_bytes_mod_order_wide(&wide)))
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;

    use super::*;
    use crate::keys::SigningKey;

    struct Claimed {
        key: PublicKey,
        hash: Digest,
        signature: [u8; 64],
    }

    fn claims(all: &[Claimed]) -> Vec<Claim<'_>> {
        all.iter().map(|c| Claim { key: c.key, hash: &c.hash, signature: &c.signature }).collect()
    }

    fn honest(n: u32) -> Vec<Claimed> {
        let keys: Vec<SigningKey> = (1..=5).map(|k| SigningKey::from_seed(&[k; 32])).collect();
        let one = |i: u32| {
            let key = &keys[i as usize % keys.len()];
            let hash = Digest::of(b"", &i.to_be_bytes());
            Claimed { key: key.public(), signature: key.sign(&signing_message(&hash)), hash }
        };
        (0..n).map(one).collect()
    }

    /// What the strict check says is what the batch says.
    fn agree(all: &[Claimed]) -> Vec<usize> {
        let claims = claims(all);
        let strict: Vec<usize> = (0..claims.len()).filter(|i| !claims[*i].holds()).collect();
        assert_eq!(Batch::new(&claims, [9; 32]).forged(), strict);
        assert_eq!(forged(&claims), strict);
        strict
    }

    /// A signature by somebody who knows the secret and adds a point of small order to `R`, to the key, or to both.
    fn twisted(seed: u8, to_r: EdwardsPoint, to_key: EdwardsPoint) -> Claimed {
        let secret = Scalar::from_bytes_mod_order([seed; 32]);
        let nonce = Scalar::from_bytes_mod_order([seed ^ 0x55; 32]);
        let key = (EdwardsPoint::mul_base(&secret) + to_key).compress().to_bytes();
        let r = (EdwardsPoint::mul_base(&nonce) + to_r).compress().to_bytes();
        let hash = Digest::of(b"twisted", &[seed]);
        let challenge = Sha512::new().chain_update(r).chain_update(key).chain_update(signing_message(&hash));
        let k = Scalar::from_bytes_mod_order_wide(&challenge.finalize().into());
        let signature = [r, (nonce + k * secret).to_bytes()].concat().try_into().unwrap();
        Claimed { key: PublicKey(Digest::from_bytes(key)), hash, signature }
    }

    #[test]
    fn honest_signatures_hold_in_any_number() {
        for n in [0, 1, 191, 192, 500, 4097] {
            assert!(agree(&honest(n)).is_empty(), "{n}");
        }
    }

    #[test]
    fn a_bit_anywhere_in_signature_key_or_hash_is_found() {
        let whole = honest(300);
        for bit in (0..512).step_by(7) {
            let mut all = honest(300);
            all[123].signature[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(agree(&all), [123], "bit {bit}");
        }
        let mut all = honest(300);
        (all[7].key, all[8].hash) = (whole[8].key, whole[9].hash);
        assert_eq!(agree(&all), [7, 8]);
        // Two wrongs that would cancel each other in a plain sum.
        let mut all = honest(300);
        let shift = Scalar::from(5_u8);
        for (at, by) in [(20, shift), (25, -shift)] {
            let s = Scalar::from_canonical_bytes(all[at].signature[32..].try_into().unwrap()).unwrap() + by;
            all[at].signature[32..].copy_from_slice(s.as_bytes());
        }
        assert_eq!(agree(&all), [20, 25]);
    }

    /// A plain batch would take these with a chance of one half to one eighth; the strict check never does.
    #[test]
    fn parts_of_small_order_are_never_let_through() {
        let none = EdwardsPoint::identity();
        for (n, part) in EIGHT_TORSION.iter().enumerate() {
            for round in 0..8_u8 {
                let mut all = honest(250);
                all.push(twisted(100 + round, *part, none));
                all.push(twisted(110 + round, none, *part));
                all.push(twisted(120 + round, *part, -part));
                all.push(twisted(130 + round, none, none));
                let refused = agree(&all);
                assert_eq!(refused.contains(&250), n > 0, "R with part {n}");
                assert!(!refused.contains(&253), "a signature without such a part holds");
            }
        }
        // Two of them whose parts cancel.
        for part in EIGHT_TORSION.iter().skip(1) {
            let mut all = honest(250);
            all.extend([twisted(140, *part, none), twisted(141, -part, none)]);
            assert_eq!(agree(&all), [250, 251]);
        }
    }

    #[test]
    fn other_spellings_and_points_of_small_order_are_refused() {
        let mut all = honest(200);
        // s + l: the same number, not reduced.
        let order = Scalar::ZERO - Scalar::ONE;
        let mut carry = 1_u16;
        for (byte, l) in all[3].signature[32..].iter_mut().zip(order.as_bytes()) {
            carry += u16::from(*byte) + u16::from(*l);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        for (at, part) in EIGHT_TORSION.iter().enumerate() {
            all[10 + at].signature[..32].copy_from_slice(part.compress().as_bytes());
            all[30 + at].key = PublicKey(Digest::from_bytes(part.compress().to_bytes()));
        }
        // y + p for a small y: another spelling of the same point.
        let mut spelled = [0xff_u8; 32];
        for y in 0..19_u8 {
            (spelled[0], spelled[31]) = (0xed + y, 0x7f);
            all[50 + usize::from(y)].signature[..32].copy_from_slice(&spelled);
            all[80 + usize::from(y)].key = PublicKey(Digest::from_bytes(spelled));
        }
        let refused = agree(&all);
        assert_eq!(refused.len(), 1 + 8 + 8 + 19 + 19);
    }
}
