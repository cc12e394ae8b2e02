//! What the words mean: values only, no I/O, no clock, no randomness.
//!
//! Glossary: **Study > Series > Instance > Frame** is DICOM identity (synthesised for other files). A **Case** is what
//! one read covers. **Slide > Level > [`TileKey`]** addresses pixels by integers only. A [`Roi`] is geometry and where it
//! lives; a **Finding** is Rois, Terms, attributes and certainty. Geometry is in pixel *edges*: the origin is the
//! top-left corner of the first pixel, y grows downwards, the centre of that pixel is (0.5, 0.5).

mod geometry;
mod geometry_codec;
mod ids;
mod ontology;
mod ontology_rules;
mod pixels;
mod reading;
mod sensitive;
mod term_search;
mod term_spelling;
mod text;

pub use geometry::{GeometryError, PointPx, Polygon, Repair, Ring, Roi, RoiSpace, Shape};
pub use geometry_codec::{GeometryCodecError, decode_roi, encode_roi};
pub use ids::{CaseId, Digest, FindingId, IdError, ImageId, ReaderId, StreamId, SubjectId};
pub use ontology::{Code, GeometryKind, Ontology, PackRef, Scheme, SchemeStatus, Term, TermGroup, TermRef, TermStatus};
pub use ontology_rules::{OntologyProblem, check_ontology};
pub use pixels::{Field, Level, PlanePose, RectPx, SizePx, Spacing, SpacingSource, TileKey};
pub use reading::{AdjudicationTake, Certainty, Origin, ProjectKind, Role, Verdict};
pub use sensitive::Sensitive;
pub use term_search::{TermHit, TermIndex, TermSearch};
pub use text::{UserText, normalize_text};
