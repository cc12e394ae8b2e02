# Results, refusals and failures.

done-drawn = Finding { $n } drawn. Choose a term
done-deleted = Finding { $n } deleted (Ctrl+Z brings it back)
done-undone = Undone: { $what }
done-redone = Redone: { $what }
done-submitted = Submitted. The read is sealed
done-amending = Amendment started
done-agreed = Confirmed { $n } cases on which both readers agree
done-released = Fixed and written
done-acting = { $reader } is acting now
done-decided = Decided
done-redrawn = Redrawn. Write a reason and decide with R
done-redraw-dropped = Redrawn region put away (Ctrl+Z brings it back)
done-open-cancelled = Stopped. Nothing was added
done-opened = { $n ->
    [one] 1 image opened
   *[other] { $n } images opened
}
done-relocated = Images recognised by content: { $n }
done-copied = Copied
done-draft = The unfinished outline is back
nothing-opened = There was no image to open
skipped-files = { $n } files are no images and were skipped
failed-generic = That did not work. Nothing is lost
failed-open = It could not be opened. Nothing is lost

refused-disk-full = The disk is full. Everything before this is safe. Free some space and do it again
refused-no-dialog = Drop images or a folder on this window instead. To get a file dialog, install xdg-desktop-portal or zenity
refused-dialog-open = A file dialog is open already. Choose or close it first
refused-nothing = There is nothing to do
refused-no-hu = The values of this image are not HU, so windows for CT do not apply. Shift+9 takes one from the values, Shift+0 the image's own
refused-nothing-to-undo = There is nothing more to undo
refused-sealed = This read is submitted. Amend it with a reason to change it
refused-no-open-read = No read of this case is open
refused-not-assigned = This case is not assigned to you
refused-geometry = The shape cannot be kept. Draw an outline that encloses an area
refused-geometry-kind = This term may not be drawn with this kind of shape
refused-unnamed = { $n } findings have no term yet
refused-verdict = The verdict does not fit the findings
refused-hashing = The images are still being checked ({ $n } left)
refused-pixels-changed = The image is not the one that was catalogued
refused-reason = Please give a reason
refused-version = A version is three numbers, such as 1.0.0
refused-release-exists = This version is fixed with other contents. Choose the next one
refused-redraw-term = Choose a term for the redrawn region
refused-undo-decision = A decision cannot be taken back. Decide again with a reason
refused-role = You do not have the role for this
refused-reader-adjudicates = You cannot adjudicate a case that you read
refused-reads-missing = Adjudication needs { $need } submitted reads; there are { $have }
refused-rival-reads = One reader sealed this case several times in copies of the project; the coordinator chooses which read counts
refused-adjudication-closed = The adjudication of this case is closed
refused-open-discrepancies = { $n } discrepancies are still open
refused-other = A rule refused this: { $text }
refused-read-only = This project is open to look only
refused-nobody = The key to this project is not on this computer; nothing was changed. Open it where it was made, or copy the images to another folder and open that
refused-choose-finding = Choose a finding first
refused-finish-draft = Close the outline, or put it away with Esc, before you change the slice

done-backed-up = Backed up, read back and compared
done-drilled = Restored for trial; everything is equal
done-restored = Done. Opening it…
done-restored-open = { $name } is open
done-copied-here = Copied to this computer. Work in the copy from now on; the original folder is still there
done-checked = Checked; no problem was found
done-checked-problems = The check found problems. See “Check” under “Safekeeping”
done-chosen = This read counts now. The others are set aside; you can choose anew

refused-keeping-busy = Wait for the other work on backups and checks to end, or stop it
refused-no-backup = No backup is at hand. Connect its disk, or make one first

trouble-absent = The place of the backups is not there. Connect its disk or name another folder. Nothing was changed
trouble-busy = Another backup is writing to the same place. Try again when it has ended
trouble-differs = What was copied is not equal. Do not trust that disk; take another generation or another disk. The project is safe
trouble-disk = The disk cannot be read or written. See that it is connected and try again. The project is safe, and nothing half-made stays
trouble-full = The disk is full. Free some space or take another disk. The project is safe, and nothing half-made stays
trouble-no-backup = That folder is no backup of Shoken. Choose the folder of a generation
trouble-not-writable = That place cannot be written. Name another folder. Nothing was changed
trouble-other = That did not work. The project is safe
trouble-stopped = Stopped. Nothing was left behind
trouble-taken = There is something at that place already. Choose another name. Nothing was changed

# Notes about a file, by the code that the reader of its format gives.
warning-series-gap = Uneven slice spacing
warning-series-tilt = Gantry tilt
warning-series-duplicate-position = Slices at the same position
warning-series-missing-position = Slices without a position
warning-series-mixed-orientation = Slices of mixed orientation
warning-series-mixed-size = Slices of mixed size
warning-dicom-modality-lut-ignored = Modality LUT not applied
warning-dicom-voi-lut-ignored = VOI LUT not applied
warning-dicom-sigmoid-shown-linear = Sigmoid window shown as linear
warning-first-picture-only = Only the first picture of an animation is shown
warning-jpeg-cut-short = The JPEG is cut short
warning-slide-files-differ = Files of this slide whose samples differ are left out
warning-slide-planes-missing = Coarser levels lack some focal planes; the nearest one is shown there
warning-slide-tiles-not-placed = The file does not say where its tiles lie; shown one by one
warning-slide-turned-on-glass = The picture lies turned on the glass; shown as stored
warning-tiff-orientation-ignored = TIFF orientation not applied
warning-tiff-pages-not-shown = There are pages that are not shown
