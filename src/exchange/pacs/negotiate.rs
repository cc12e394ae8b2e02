//! What a caller may send: AE titles, storage classes, transfer syntaxes (PS3.8 section 7.1).

use std::collections::{BTreeMap, BTreeSet};

use dicom_ul::pdu::{
    AssociationAC, AssociationRJ, AssociationRJResult, AssociationRJServiceUserReason as Why, AssociationRJSource,
    AssociationRQ, Pdu, PresentationContextResult, PresentationContextResultReason as Reason, UserVariableItem,
};

use super::part10::{IMPLEMENTATION_NAME, IMPLEMENTATION_UID};
use crate::imaging;

const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";
pub(super) const VERIFICATION: &str = "1.2.840.10008.1.1";
/// Under it lie all storage classes of the standard (PS3.4 annex B.5).
const STORAGE_ROOT: &str = "1.2.840.10008.5.1.4.1.1.";
const IMPLICIT: &str = "1.2.840.10008.1.2";
/// Identifiers are odd numbers from 1 to 255 (PS3.8 section 9.3.2.2).
const MOST_CONTEXTS: usize = 128;

/// What was agreed for one presentation context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub class: String,
    pub syntax: String,
}

pub(super) type Contexts = BTreeMap<u8, Context>;

/// Accepts or rejects a caller. `allowed` is empty when anybody may call.
pub(super) fn answer(
    request: &AssociationRQ,
    ae_title: &str,
    allowed: &BTreeSet<String>,
    max_pdu: u32,
) -> Result<(Contexts, Pdu), Why> {
    if request.application_context_name.trim_end_matches(['\0', ' ']) != APPLICATION_CONTEXT {
        return Err(Why::ApplicationContextNameNotSupported);
    }
    if request.called_ae_title.trim() != ae_title {
        return Err(Why::CalledAETitleNotRecognized);
    }
    if !allowed.is_empty() && !allowed.contains(request.calling_ae_title.trim()) {
        return Err(Why::CallingAETitleNotRecognized);
    }
    if request.presentation_contexts.len() > MOST_CONTEXTS {
        return Err(Why::NoReasonGiven);
    }
    let mut contexts = Contexts::new();
    let mut results = Vec::new();
    for proposed in &request.presentation_contexts {
        let class = uid(&proposed.abstract_syntax);
        let wanted = proposed.transfer_syntaxes.iter().map(|s| uid(s));
        let chosen = if class == VERIFICATION {
            wanted.clone().find(|s| *s == IMPLICIT || is_plain(s))
        } else {
            // In the caller's order: the first is as it has the image, the others it would have to convert.
            wanted.clone().find(|s| imaging::reads_transfer_syntax(s))
        };
        let known = class == VERIFICATION || is_storage(class);
        let (reason, syntax) = match chosen {
            _ if !known => (Reason::AbstractSyntaxNotSupported, IMPLICIT),
            None => (Reason::TransferSyntaxesNotSupported, IMPLICIT),
            Some(syntax) => (Reason::Acceptance, syntax),
        };
        if reason == Reason::Acceptance {
            contexts.insert(proposed.id, Context { class: class.to_owned(), syntax: syntax.to_owned() });
        }
        results.push(PresentationContextResult { id: proposed.id, reason, transfer_syntax: syntax.to_owned() });
    }
    let accepted = AssociationAC {
        protocol_version: 1,
        called_ae_title: request.called_ae_title.clone(),
        calling_ae_title: request.calling_ae_title.clone(),
        application_context_name: APPLICATION_CONTEXT.to_owned(),
        presentation_contexts: results,
        user_variables: vec![
            UserVariableItem::MaxLength(max_pdu),
            UserVariableItem::ImplementationClassUID(IMPLEMENTATION_UID.to_owned()),
            UserVariableItem::ImplementationVersionName(IMPLEMENTATION_NAME.to_owned()),
        ],
    };
    Ok((contexts, Pdu::AssociationAC(accepted)))
}

pub(super) const fn rejection(why: Why) -> Pdu {
    Pdu::AssociationRJ(AssociationRJ {
        result: AssociationRJResult::Permanent,
        source: AssociationRJSource::ServiceUser(why),
    })
}

fn uid(text: &str) -> &str {
    text.trim_end_matches(['\0', ' '])
}

fn is_plain(syntax: &str) -> bool {
    syntax == "1.2.840.10008.1.2.1" || syntax == "1.2.840.10008.1.2.2"
}

pub(super) fn is_storage(class: &str) -> bool {
    class.strip_prefix(STORAGE_ROOT).is_some_and(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use dicom_ul::pdu::PresentationContextProposed;

    use super::*;

    fn request(calling: &str, called: &str, contexts: &[(&str, &[&str])]) -> AssociationRQ {
        AssociationRQ {
            protocol_version: 1,
            called_ae_title: called.to_owned(),
            calling_ae_title: calling.to_owned(),
            application_context_name: APPLICATION_CONTEXT.to_owned(),
            presentation_contexts: contexts
                .iter()
                .zip((1_u8..).step_by(2))
                .map(|((class, syntaxes), id)| PresentationContextProposed {
                    id,
                    abstract_syntax: (*class).to_owned(),
                    transfer_syntaxes: syntaxes.iter().map(|s| (*s).to_owned()).collect(),
                })
                .collect(),
            user_variables: Vec::new(),
        }
    }

    #[test]
    fn a_caller_is_known_by_name_and_sends_what_can_be_read() {
        let ct = "1.2.840.10008.5.1.4.1.1.2";
        let jpeg2000 = "1.2.840.10008.1.2.4.90";
        let contexts: &[(&str, &[&str])] = &[
            (ct, &[jpeg2000, IMPLICIT]),
            (ct, &["1.2.840.10008.1.2.4.94"]),
            ("1.2.840.10008.5.1.4.31", &[IMPLICIT]),
            (VERIFICATION, &[IMPLICIT]),
        ];
        let allowed = BTreeSet::from(["CT1".to_owned()]);
        let (agreed, _) = answer(&request("CT1", "SHOKEN", contexts), "SHOKEN", &allowed, 16384).unwrap();
        assert_eq!(
            agreed.keys().copied().collect::<Vec<_>>(),
            [1, 7],
            "pixels kept on a server elsewhere (JPIP) and the worklist are not taken"
        );
        assert_eq!(agreed[&1].syntax, jpeg2000, "as the caller has it");
        let why = |rq: &AssociationRQ| answer(rq, "SHOKEN", &allowed, 16384).err();
        assert_eq!(why(&request("X", "SHOKEN", contexts)), Some(Why::CallingAETitleNotRecognized));
        assert_eq!(why(&request("CT1", "OTHER", contexts)), Some(Why::CalledAETitleNotRecognized));
        assert!(answer(&request("X", "SHOKEN", contexts), "SHOKEN", &BTreeSet::new(), 16384).is_ok());
    }
}
