# 操作の結果、断り、失敗の文言。

done-drawn = 所見 { $n } を描きました。用語を選んでください
done-deleted = 所見 { $n } を削除しました（Ctrl+Z で戻せます）
done-undone = 元に戻しました：{ $what }
done-redone = やり直しました：{ $what }
done-submitted = 提出しました。読影は封印されています
done-amending = 訂正を始めました
done-agreed = 一致した { $n } 例を確定しました
done-decided = 裁定しました
done-opened = { $n } 枚の画像を開きました
done-relocated = 画像を内容で照合しました：{ $n } 枚
done-copied = コピーしました
done-draft = 描きかけの線を復元しました
nothing-opened = 開ける画像がありませんでした
skipped-files = { $n } 個のファイルは画像ではないため読み飛ばしました
failed-generic = 処理できませんでした。作業は失われていません
failed-open = 開けませんでした。作業は失われていません

refused-nothing = することがありません
refused-nothing-to-undo = これ以上は戻せません
refused-sealed = この読影は提出済です。直すには理由を添えて訂正してください
refused-no-open-read = この症例の読影は開かれていません
refused-not-assigned = この症例は割り当てられていません
refused-geometry = 形を保存できません。面積のある輪郭を描いてください
refused-geometry-kind = この用語はこの形では描けません
refused-unnamed = 用語が未設定の所見が { $n } 件あります
refused-verdict = 判定と所見の有無が合いません
refused-hashing = 画像の照合が終わっていません（残り { $n } 枚）
refused-pixels-changed = 画像の内容が登録時と異なります
refused-reason = 理由を書いてください
refused-role = この操作を行う役割がありません
refused-reader-adjudicates = 自分が読影した症例は裁定できません
refused-reads-missing = 裁定には { $need } 名分の提出が必要です（現在 { $have } 名分）
refused-adjudication-closed = この症例の裁定は終わっています
refused-open-discrepancies = 未決の不一致が { $n } 件あります
refused-other = 規則により受け付けられませんでした：{ $text }
refused-read-only = このプロジェクトは閲覧のみで開いています
refused-nobody = このプロジェクトに書き込むための鍵がこの端末にありません。何も変更していません。作成した端末で開くか、画像を別のフォルダーに写して開いてください
refused-choose-finding = 先に所見を選んでください
refused-finish-draft = 描きかけの線を閉じるか、Esc で片付けてからスライスを移ってください

# Notes about a file, by the code that the reader of its format gives.
warning-series-gap = スライス間隔が不均一です
warning-series-tilt = ガントリーが傾いています
warning-series-duplicate-position = 同じ位置のスライスがあります
warning-series-missing-position = 位置情報のないスライスがあります
warning-series-mixed-orientation = 向きの異なるスライスが混ざっています
warning-series-mixed-size = 大きさの異なるスライスが混ざっています
warning-dicom-modality-lut-ignored = モダリティ LUT は適用していません
warning-dicom-voi-lut-ignored = VOI LUT は適用していません
warning-dicom-sigmoid-shown-linear = シグモイド表示条件を線形で表示しています
warning-jpeg-cut-short = JPEG が途中で切れています
warning-exif-orientation-ignored = 撮影時の回転情報は適用していません
warning-slide-only-first-plane = 最初の焦点面だけを表示しています
warning-slide-tiles-not-placed = タイルの位置がファイルに書かれていないため、1 枚ずつ表示しています
warning-tiff-orientation-ignored = TIFF の向きの情報は適用していません
warning-tiff-pages-not-shown = 表示していないページがあります
