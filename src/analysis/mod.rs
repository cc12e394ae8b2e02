//! Numbers from pixels and labels: features, clusters, agreement, consensus, matching.

pub mod matching;
