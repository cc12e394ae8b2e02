//! Merkle tree hash of RFC 6962 §2.1, over SHA-256.

use sha2::{Digest as _, Sha256};

use crate::domain::Digest;

fn leaf(data: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

fn tree(hashes: &[[u8; 32]]) -> [u8; 32] {
    match hashes {
        [] => Sha256::digest([]).into(),
        [only] => *only,
        many => {
            // The largest power of two smaller than n.
            let split = many.len().next_power_of_two() / 2;
            let (left, right) = many.split_at(split);
            node(&tree(left), &tree(right))
        }
    }
}

/// Root over leaves in the given order; the empty tree is SHA-256 of nothing.
pub fn merkle_root<T: AsRef<[u8]>>(leaves: impl IntoIterator<Item = T>) -> Digest {
    let hashes: Vec<[u8; 32]> = leaves.into_iter().map(|l| leaf(l.as_ref())).collect();
    Digest::from_bytes(tree(&hashes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves and roots of the certificate-transparency test suite.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_match_rfc_6962_vectors() {
        let leaves: Vec<Vec<u8>> =
            LEAVES.iter().map(|h| data_encoding::HEXLOWER.decode(h.as_bytes()).unwrap()).collect();
        for (count, root) in ROOTS.iter().enumerate() {
            assert_eq!(merkle_root(&leaves[..count]).to_string(), *root, "{count} leaves");
        }
    }
}
