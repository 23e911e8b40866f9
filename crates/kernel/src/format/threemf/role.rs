//! What a mesh of a package is for: the types of the specification, and the words of slicers.

/// The type that the model part gives an object (core specification 1.3, 4). Only `Model` is the part that is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ObjectType {
    #[default]
    Model,
    SolidSupport,
    Support,
    Surface,
    Other,
}

const TYPES: [(&str, ObjectType); 5] = [
    ("model", ObjectType::Model),
    ("solidsupport", ObjectType::SolidSupport),
    ("support", ObjectType::Support),
    ("surface", ObjectType::Surface),
    ("other", ObjectType::Other),
];

impl ObjectType {
    pub fn of(word: &str) -> Result<ObjectType, String> {
        let found = TYPES.iter().find(|(name, _)| *name == word).map(|t| t.1);
        found.ok_or_else(|| {
            format!("unknown object type {word:?}, expected one of {}", TYPES.map(|t| t.0).join(", "))
        })
    }

    pub fn name(self) -> &'static str {
        TYPES.iter().find(|t| t.1 == self).expect("the table has every type").0
    }
}

/// What a slicer does with a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Part,
    /// Is taken away from the parts of its object.
    Negative,
    /// Changes settings where it meets a part.
    Modifier,
    SupportBlocker,
    SupportEnforcer,
    Support,
}

impl Role {
    /// For notes: `a modifier`.
    pub fn name(self) -> &'static str {
        match self {
            Role::Part => "a part",
            Role::Negative => "a negative part",
            Role::Modifier => "a modifier",
            Role::SupportBlocker => "a support blocker",
            Role::SupportEnforcer => "a support enforcer",
            Role::Support => "a support",
        }
    }
}

/// The words of Bambu Studio and OrcaSlicer (`subtype`), of PrusaSlicer (`volume_type`) and of Slic3r (`modifier`).
const WORDS: [(&str, Role); 12] = [
    ("normal_part", Role::Part),
    ("negative_part", Role::Negative),
    ("modifier_part", Role::Modifier),
    ("support_blocker", Role::SupportBlocker),
    ("support_enforcer", Role::SupportEnforcer),
    ("ModelPart", Role::Part),
    ("NegativeVolume", Role::Negative),
    ("ParameterModifier", Role::Modifier),
    ("SupportBlocker", Role::SupportBlocker),
    ("SupportEnforcer", Role::SupportEnforcer),
    ("0", Role::Part),
    ("1", Role::Modifier),
];

/// Settings of Cura that make an object something else than a part where they are `True`.
const CURA: [(&str, Role); 4] = [
    ("cura:infill_mesh", Role::Modifier),
    ("cura:cutting_mesh", Role::Modifier),
    ("cura:support_mesh", Role::Support),
    ("cura:anti_overhang_mesh", Role::SupportBlocker),
];

/// The role that a slicer's settings call `word`.
pub(super) fn of_word(word: &str) -> Option<Role> {
    WORDS.iter().find(|(name, _)| *name == word).map(|w| w.1)
}

/// The role that Cura's metadata `name` gives an object.
pub(super) fn of_cura(name: &str) -> Option<Role> {
    CURA.iter().find(|(known, _)| *known == name).map(|w| w.1)
}

/// Consecutive triangles of one object, and what they are for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Volume {
    pub first: u32,
    /// Inclusive.
    pub last: u32,
    pub role: Role,
    /// May be empty.
    pub name: String,
}
