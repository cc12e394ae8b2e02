# Words of the history: acts (history-) and what happened in them (history-event-).

history-project-found = Project founded
history-project-kind = Kind of project changed
history-reader-enrol = Reader enrolled
history-reader-revoke = Key revoked
history-vocabulary-adopt = Term packs adopted
history-protocol-set = Rules of reading set
history-assignment-choose = Chosen which read counts
history-assignment-give = Cases assigned
history-catalog-add = Images catalogued
history-catalog-hash = Images checked by content
history-read-open = Read started
history-finding-add = Finding added
history-finding-delete = Finding deleted
history-finding-reshape = Outline changed
history-finding-relabel = Term set
history-finding-grade = Certainty set
history-finding-comment = Comment written
history-read-submit = Read submitted
history-read-amend = Amendment started
history-undo = Undone
history-redo = Redone
history-adjudication-open = Adjudication started
history-adjudication-resolve = Discrepancy decided
history-adjudication-close = Adjudication closed
history-release-make = Release made
history-access-note = Access noted
history-privacy-erase = Subject erased
history-image-fact = Light noted
history-other = Other action

history-event-register-founded = register founded
history-event-register-kind-set = kind changed
history-event-reader-enrolled = { $n ->
    [one] 1 reader enrolled
   *[other] { $n } readers enrolled
}
history-event-reader-key-revoked = { $n ->
    [one] 1 key revoked
   *[other] { $n } keys revoked
}
history-event-assignment-given = { $n ->
    [one] 1 assignment given
   *[other] { $n } assignments given
}
history-event-assignment-read-chosen = 1 read chosen to count
history-event-image-added = { $n ->
    [one] 1 image catalogued
   *[other] { $n } images catalogued
}
history-event-image-hashed = { $n ->
    [one] 1 image checked by content
   *[other] { $n } images checked by content
}
history-event-vocabulary-adopted = { $n ->
    [one] 1 term pack adopted
   *[other] { $n } term packs adopted
}
history-event-protocol-set = rules set
history-event-read-opened = read opened
history-event-read-submitted = submitted and sealed
history-event-read-amended = reopened with a reason; the submitted version stays
history-event-finding-created = { $n ->
    [one] 1 finding added
   *[other] { $n } findings added
}
history-event-finding-deleted = { $n ->
    [one] 1 finding deleted
   *[other] { $n } findings deleted
}
history-event-finding-restored = { $n ->
    [one] 1 finding brought back
   *[other] { $n } findings brought back
}
history-event-finding-reshaped = { $n ->
    [one] 1 outline changed
   *[other] { $n } outlines changed
}
history-event-finding-relabelled = { $n ->
    [one] 1 term changed
   *[other] { $n } terms changed
}
history-event-finding-graded = { $n ->
    [one] 1 certainty changed
   *[other] { $n } certainties changed
}
history-event-finding-attributed = { $n ->
    [one] 1 attributes changed
   *[other] { $n } attributes changed
}
history-event-finding-commented = { $n ->
    [one] 1 comment changed
   *[other] { $n } comments changed
}
history-event-adjudication-opened = adjudication opened
history-event-adjudication-resolved = { $n ->
    [one] 1 discrepancy decided
   *[other] { $n } discrepancies decided
}
history-event-adjudication-closed = adjudication closed
history-event-release-made = release made
history-event-access-noted = { $n ->
    [one] 1 access noted
   *[other] { $n } accesses noted
}
history-event-privacy-erased = key, outlines, texts and names destroyed; only this signed record stays
history-event-unknown = { $n } of a newer version ({ $kind }), kept as it is

history-by-cli = command line
history-by-job = background job
history-of = of: { $act }, { $time }
history-reason = reason: { $text }
history-taken-back = taken back later
