# Words of the window. A thin space stands before units.

app-name = Shoken 所見
menu = Menu
close = Close
research-only = For research. Not for diagnosis or treatment
language-ja = Show in Japanese
language-en = Show in English

workspace-read = Read
workspace-adjudicate = Adjudicate
workspace-release = Release

title-case = Case { $case }
title-reader = Reader { $reader }
title-adjudicator = Adjudicator { $reader }
role-reader = reader
role-adjudicator = adjudicator
role-coordinator = coordinator
role-auditor = auditor
people-nobody = Choose who you are
people-help = Changes to somebody whose key is on this computer. Nobody else’s reads are shown.
people-who = Acting: { $who }
title-read-only = view only
saved-all = Saved
saved-seconds = Saved { $s } s ago
saved-minutes = Saved { $m } min ago

job-cancel = Stop
job-cancelling = Stopping…
job-hashing = Checking content { $done }/{ $total }
job-hashing-help = Reading every image once to compute its fingerprint. You can go on reading; it must be done before you submit.
job-looking = Looking for images { $done }/{ $total }
job-opening = Opening…
job-opening-help = You can go on reading. Stopping adds nothing.
job-reading = Taking images in { $done }/{ $total }
job-releasing = Writing and verifying…

field-pathology = Pathology
field-endoscopy = Endoscopy
field-radiology = Radiology
field-other = Image

start-sentence = Drop an image or a folder here and start drawing
start-drop-now = Let go here
start-folder = Open a folder
start-files = Open image files
start-practise = Practise for five minutes
start-local = Images and findings stay on this computer. No account, no set-up.
opening = Opening…
loading = Loading…

worklist = Cases
worklist-count = { $done } of { $n } submitted
worklist-empty = No cases
worklist-empty-advice = Drop an image or a folder on the window.
worklist-filter = Filter cases
worklist-no-match = No case matches
worklist-no-match-advice = Try another word.
worklist-finished = All cases submitted
worklist-finished-advice = Well done.
worklist-add = Add images
state-assigned = unread
state-open = reading
state-submitted = submitted
state-amended = amending
image-missing-short = Image not found
image-failed-short = Image cannot be opened
image-relocate = Locate

findings = Findings
count-findings = { $n ->
    [one] 1 finding
   *[other] { $n } findings
}
count-steps = { $n ->
    [one] 1 step
   *[other] { $n } steps
}
findings-unnamed = { $n } without a term
findings-empty = No findings yet
findings-empty-advice = Outline a lesion with the polygon [P].
findings-empty-sealed = This read has no findings.
finding-unnamed = No term yet
finding-spoken = Finding { $n } { $name }
certainty = Certainty
certainty-definite = Definite
certainty-probable = Probable
certainty-possible = Possible
comment = Comment
comment-hint = Comment (no names, please)

terms = Terms
terms-search = Search terms (1–9 choose)
terms-empty = No term pack
terms-empty-advice = This project has no term pack yet.
terms-no-match = No term matches
terms-no-match-advice = Synonyms and Japanese work too.

history = History
history-empty = Nothing done yet
history-empty-advice = What you draw and name is listed here.

age-now = just now
age-minutes = { $n } min ago
age-hours = { $n } h ago
age-days = { $n } d ago

queue = Discrepancies
queue-count = { $open } of { $n } open
queue-empty = Nothing to adjudicate
queue-empty-advice = Differences appear here once two reads are submitted.
confirm-agreed = Confirm { $n } agreed cases
queue-finished = All decided
queue-finished-advice = The consensus is ready for a release.
undecided = open
reader-a = Read A
reader-b = Read B
side-nothing = Nothing marked here
slice-n = Slice { $n }
slices-n = Slices { $first }–{ $last }
decide = Decide
decide-choose = Choose a discrepancy on the left.
take-a = A
take-b = B
take-both = Both
take-neither = Neither
take-redrawn = Redrawn
take-redraw = Redraw
redraw-ready = Redrawn region
redraw-term = Term
redraw-term-choose = Choose a term
redraw-drop = Discard the redrawn region
reason = Reason
reason-hint = Say why (required)
discrepancy-only-a = Marked by A only
discrepancy-only-b = Marked by B only
discrepancy-term = Different terms
discrepancy-boundary = Different outlines

release-title = Fix and publish the dataset
release-explain = Only cases that are agreed on or adjudicated go in, with signatures, provenance and a hash of every file.
release-planning = Looking at what can be released…
release-no-plan = The contents could not be determined
release-no-plan-advice = Nothing is lost. Look again.
release-again = Look again
release-in = What goes in
release-counts = { $cases } cases · { $images } images · { $labels } labels
release-all-in = Every case goes in
release-out = Cases that stay out for now ({ $n })
release-before = Versions so far
release-why-erased = The case was erased
release-why-conflict = Records exclude each other; the coordinator has to decide
release-why-reads = Reads are missing
release-why-open = The adjudication is not finished
release-why-outdated = A read was amended after the adjudication; adjudicate again
release-why-incomplete = The adjudication is incomplete
release-why-not-adjudicated = Not adjudicated yet
release-why-other = Not settled yet
release-nothing = No case can be released yet.
release-no-folder = Choose a folder to write to.
release-folder-taken = { $folder } is there already. Change the version or the folder.
release-folder-missing = The folder to write to cannot be found.
release-version = Version
release-folder = Write to
release-choose = Choose…
release-into = Makes { $folder }.
release-final = A fixed version cannot be changed. Corrections make the next version.
release-do = Fix and write
release-done = Version { $version } is fixed
release-done-counts = { $cases } cases · { $labels } labels · { $files } files
release-root = Root hash
release-verify = Anybody can check it with this command
release-sound = Verified: nothing is wrong with its { $n } files
release-unsound = Verification found { $n } problems. Do not hand this version on

hint-select = Click selects a finding · drag pans · wheel zooms
hint-select-stack = Click selects a finding · drag sets the window · wheel scrolls · Ctrl+wheel zooms
hint-edit = Drag a vertex to move it · click an edge to add one · Alt+click deletes one · Del deletes the finding · Esc deselects
hint-polygon-start = Click for vertices · drag to draw freehand · middle button or Space pans · Esc for the selection tool
hint-polygon-put-away = The draft is put away. Ctrl+Z brings it back
hint-polygon-more = Go on clicking or dragging · Backspace takes back a point · Esc puts the draft away
hint-polygon-close = Click the first vertex, double-click or press Enter to close · Backspace takes back a point
hint-rectangle = Drag a rectangle · Shift for a square · Esc stops
hint-ellipse = Drag an ellipse · Shift for a circle · Esc stops
hint-point = Click to set a point
hint-adjudicate = Choose with ↑↓, write a reason, decide with A, B, O (both), N (neither) or R (redraw)
hint-redraw = Drag vertices to mend it · write a reason and decide with R · Ctrl+Z takes the outline back into the hand
hint-sealed = This read is submitted. To change it, choose “Amend a submitted read” in the menu
hint-office = In this role you look at the images only
hint-release = Look at what goes in, choose a version and a folder, and fix it

submit-title = Submit the read
submit-verdict = Verdict on this case (required)
verdict-findings = Target findings present
verdict-no-finding = No target finding
verdict-not-assessable = Not assessable
submit-sealed = What will be sealed
submit-what = { $n ->
    [one] 1 finding
   *[other] { $n } findings
}, the verdict, the term pack version, the image fingerprints
and-more = and { $n } more
submit-final = The submitted version stays for good. It can be amended later with a reason.
submit-open = Before you can submit
submit-ready = Nothing is missing.
submit-choose-verdict = Choose a verdict.
submit-unnamed = { $n } findings have no term yet.
submit-hashing = The images are still being checked ({ $done }/{ $total }).
submit-missing = { $n } images cannot be found.
submit-verdict-needs-findings = “Findings present” is chosen, but there are none.
submit-verdict-has-findings = “No target finding” is chosen, but there are findings.
submit-do = Submit and seal
submit-back = Back to reading
amend-title = Amend a submitted read
amend-explain = With a reason you can edit this read again. The submitted version stays as it is.
amend-do = Start amending
amend-back = Leave it

palette-hint = Type the name of an action
palette-none = No such action
keys-labels = First nine terms of the list
keys-mouse-wheel = Wheel: zoom (CT and MR: slices; Ctrl+wheel zooms)
keys-mouse-middle = Drag with the middle button: pan, also while drawing
keys-mouse-left = Drag with the left button: pan with the selection tool (CT and MR: window)
keys-mouse-right = Right click: what can be done here
keys-space = Space and drag: pan
about-version = Version { $version }
about-what = A research workstation to annotate pathology, endoscopy and radiology images with shared terms.
about-local = It connects to no network. Images and findings stay on this computer.
about-licence = Licence: MIT or Apache-2.0
about-fonts = Typeface: Noto Sans JP (SIL OFL 1.1); icons: Phosphor (MIT)

corner-slice = Slice { $n }/{ $of }
corner-image = Image { $n }/{ $of }
corner-level = Level { $level }
corner-magnification = ×{ $x }
corner-window = W { $w } L { $l }
corner-inverted = inverted
uncalibrated = uncalibrated
image-canvas = Image
overlay-hidden = Findings hidden
software-adapter = Drawing without a GPU: it may be slow. Check the graphics driver.
missing-title = Image not found
missing-text = Please connect the disk “{ $disk }”. Every finding is kept. If the files have moved, choose the folder; they are recognised by their content.
missing-moved = The file is not where it was. Every finding is kept. Choose the folder; the file is recognised by its content.
failed-title = The image cannot be opened
copy-details = Copy details
copy = Copy
dismiss = Dismiss
