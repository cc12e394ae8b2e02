//! Drawing tools: pure state machines. Pointer and key in; draft, cursor, hint and at most one edit out. They know
//! image pixels and one number (`px_per_pt`, image pixels per screen point), never the window.

mod polygon;
mod select;
mod simple;

pub use polygon::{CLOSE_PT, PolygonTool};
pub use select::{EdgeHit, SelectTool, VertexAt, hit_vertex};
pub use simple::{SimpleKind, SimpleTool};

use serde::{Deserialize, Serialize};

use crate::domain::{FindingId, PointPx, Shape};

/// Which tool is in the hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    Select,
    Polygon,
    Rectangle,
    Ellipse,
    Point,
}

impl ToolKind {
    pub const ALL: [Self; 5] = [Self::Select, Self::Polygon, Self::Rectangle, Self::Ellipse, Self::Point];

    /// Whether a left drag draws with this tool.
    pub const fn draws(self) -> bool {
        !matches!(self, Self::Select)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerKind {
    Move,
    Press,
    Release,
}

/// One thing the pointer did with its left button.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointerInput {
    pub kind: PointerKind,
    /// Image pixel edges.
    pub at: PointPx,
    /// Image pixels per screen point: how far a hand's tolerance reaches at this zoom.
    pub px_per_pt: f64,
    /// Seconds on any steady clock; only differences count.
    pub time_s: f64,
    pub shift: bool,
    pub alt: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolKey {
    Enter,
    Escape,
    Backspace,
    Delete,
    Undo,
    Redo,
}

/// What the tool may look at: the selected finding and what lies under a point.
pub struct Scene<'a> {
    pub selected: Option<(&'a FindingId, &'a Shape)>,
    pub pick: &'a dyn Fn(PointPx) -> Option<FindingId>,
}

/// A finished gesture.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    Create(Shape),
    Reshape(FindingId, Shape),
    Select(Option<FindingId>),
}

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Outcome {
    /// The tool took the input; otherwise the viewport may pan, window or scroll with it.
    pub taken: bool,
    pub edit: Option<Edit>,
    /// The draft is not what it was and wants to be kept.
    pub draft_changed: bool,
}

impl Outcome {
    pub const IGNORED: Self = Self { taken: false, edit: None, draft_changed: false };
    pub const TAKEN: Self = Self { taken: true, edit: None, draft_changed: false };
    pub const DRAFT: Self = Self { taken: true, edit: None, draft_changed: true };

    pub const fn edit(edit: Edit) -> Self {
        Self { taken: true, edit: Some(edit), draft_changed: true }
    }
}

/// What is in the making, to be painted and kept.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Draft {
    pub points: Vec<PointPx>,
    /// The shape closes on itself (a rectangle being dragged), not an open line that is still growing.
    pub closed: bool,
}

/// What the pointer looks like over the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolCursor {
    Arrow,
    Cross,
    Grab,
    Move,
    /// A click here ends the outline.
    Close,
    AddVertex,
}

/// The tool in the hand.
#[derive(Clone, Debug)]
pub enum Tool {
    Select(SelectTool),
    Polygon(PolygonTool),
    Simple(SimpleTool),
}

impl Tool {
    pub fn new(kind: ToolKind) -> Self {
        match kind {
            ToolKind::Select => Self::Select(SelectTool::default()),
            ToolKind::Polygon => Self::Polygon(PolygonTool::default()),
            ToolKind::Rectangle => Self::Simple(SimpleTool::new(SimpleKind::Rectangle)),
            ToolKind::Ellipse => Self::Simple(SimpleTool::new(SimpleKind::Ellipse)),
            ToolKind::Point => Self::Simple(SimpleTool::new(SimpleKind::Point)),
        }
    }

    pub const fn kind(&self) -> ToolKind {
        match self {
            Self::Select(_) => ToolKind::Select,
            Self::Polygon(_) => ToolKind::Polygon,
            Self::Simple(s) => s.tool_kind(),
        }
    }

    pub fn pointer(&mut self, input: &PointerInput, scene: &Scene<'_>) -> Outcome {
        match self {
            Self::Select(t) => t.pointer(input, scene),
            Self::Polygon(t) => t.pointer(input),
            Self::Simple(t) => t.pointer(input),
        }
    }

    pub fn key(&mut self, key: ToolKey, scene: &Scene<'_>) -> Outcome {
        match self {
            Self::Select(t) => t.key(key, scene),
            Self::Polygon(t) => t.key(key),
            Self::Simple(t) => t.key(key),
        }
    }

    /// The draft to paint. For the selection tool it is the edited outline while a hand drags it.
    pub fn draft(&self) -> Option<Draft> {
        match self {
            Self::Select(t) => t.draft(),
            Self::Polygon(t) => t.draft(),
            Self::Simple(t) => t.draft(),
        }
    }

    /// Whether something drawn so far would be lost if the tool were put away.
    pub fn is_drawing(&self) -> bool {
        !matches!(self, Self::Select(_)) && self.draft().is_some()
    }

    /// The part of the draft that is worth keeping over a crash.
    pub fn keepsake(&self) -> Option<Draft> {
        match self {
            Self::Polygon(t) => t.draft(),
            _ => None,
        }
    }

    pub fn cursor(&self, at: Option<PointPx>, px_per_pt: f64, scene: &Scene<'_>) -> ToolCursor {
        match self {
            Self::Select(t) => t.cursor(at, px_per_pt, scene),
            Self::Polygon(t) => t.cursor(at, px_per_pt),
            Self::Simple(_) => ToolCursor::Cross,
        }
    }

    /// Fluent key of the hint line.
    pub fn hint(&self, selected: bool) -> &'static str {
        match self {
            Self::Select(_) if selected => "hint-edit",
            Self::Select(_) => "hint-select",
            Self::Polygon(t) => t.hint(),
            Self::Simple(t) => t.hint(),
        }
    }
}

pub(crate) fn distance(a: PointPx, b: PointPx) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_makes_its_own_tool() {
        for kind in ToolKind::ALL {
            assert_eq!(Tool::new(kind).kind(), kind);
        }
    }
}
