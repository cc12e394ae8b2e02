# What the command line says.

cli-backup-absent = { $place }: not there; the last backup on it was made on { $last }. Connect the disk and run the command again
cli-backup-absent-never = { $place }: not there, and no backup was ever made on it. Connect the disk and run the command again
cli-backup-erased-advice = Generations made before an erasure still hold what was erased. `shoken backup PROJECT --prune-erased` makes a new one and then takes those away
cli-backup-line = { "  " }{ $name }: { $n } transactions, proved
cli-backup-line-damaged = { "  " }{ $name }: { $n } transactions, a true copy of a damaged project
cli-backup-line-erased = { "" }; still holds { $n } erased since
cli-backup-made = { $folder }: { $n } transactions copied, read back and compared
cli-backup-none = No backup yet
cli-backup-problem = the project itself is not sound: { $text }
cli-backup-removed = { $folder }: removed
cli-backup-same-disk = { $place } is on the same disk as the project: if it fails, both are lost. Name a folder on another disk with --to

cli-drill-done = { $folder }: restored for trial and compared with what was copied on { $made }
cli-drill-equal = { "  " }{ $what }: { $n }, equal (SHA-256 { $hash }…)
cli-drill-erased = It still holds { $n } erased since; restoring it would erase them again

cli-erase-backups = { $n } backups from before still hold what was erased (`shoken backup PROJECT --list` names them). `shoken backup PROJECT --prune-erased` makes a new one and takes those away
cli-erase-backups-absent = { $place }: not there, so its backups could not be looked at; they may still hold what was erased (last used { $last })
cli-erase-done = Erased the subject of { $n } cases

cli-kept-blobs = packs and guidelines, by hash
cli-kept-drafts = drafts
cli-kept-entities = derived rows
cli-kept-identity-cases = case labels
cli-kept-identity-files = files
cli-kept-identity-images = image names
cli-kept-identity-readers = reader names
cli-kept-identity-subjects = subjects
cli-kept-sealed-values = outlines and texts, sealed
cli-kept-state = state folded from the log, streams
cli-kept-subject-keys = keys of subjects
cli-kept-transactions = signed transactions, byte by byte

cli-pacs-fetched = { $n } images of this study are in { $folder }, { $new } of them new
cli-pacs-imported = imported: { $n } new, { $known } known, { $skipped } skipped
cli-pacs-listening = Listening on { $address } as { $title }. Press Ctrl+C to stop
cli-pacs-more = There may be more: add --offset { $n }
cli-pacs-none = No server yet. Add one to { $file } under a line [[pacs]] with name and url
cli-pacs-nothing = Nothing fits
cli-pacs-received = { $n } images received, { $refused } refused; { $rejected } senders rejected, { $broken } broke off
cli-pacs-secret = Password or token for { $server }:{ " " }

cli-place-cloud = This project lies in a folder that { $service } copies to the network: it may overwrite the database while it is written, and the images' names leave this computer. Better: { $better }
cli-place-fat = This project lies on { $kind }, which keeps no journal: pulling the disk may damage it, and files end at 4 GB. Better: { $better }
cli-place-network = This project lies on a network drive ({ $kind }) and opens to look only. To work on it, copy it here: { $better }

cli-restore-aside = The project that was there is kept as { $folder }
cli-restore-done = { $folder }: restored from { $backup }, copied on { $made }, and compared
cli-restore-erased = { $n } subjects erased after the backup were erased again
cli-restore-newer = It holds { $n } transactions that the backup does not have. To bring them in: shoken journal export { $aside } --values --out newer.jsonl, then shoken journal apply { $folder } newer.jsonl
cli-restore-problem = the project was not sound when it was copied: { $text }
cli-restore-unknown = What was erased elsewhere after { $made } and never came to this computer cannot be known here. Further work starts new streams
cli-restore-unsigned = { $n } of them without a tombstone: no coordinator's key is on this computer. Their data is destroyed

cli-verify-uncovered = Not covered: { $n } rows of names, case labels, pseudonyms and file paths. No signature stands over them, so that a person can be erased; whose they are was compared with the log, what they say was not
