# コマンドラインの文言。

cli-backup-absent = { $place }：接続されていません。最後のバックアップは { $last } です。接続してもう一度実行してください
cli-backup-absent-never = { $place }：接続されておらず、まだ一度もバックアップしていません。接続してもう一度実行してください
cli-backup-erased-advice = 消去より前に作った世代には、消去した情報が残っています。`shoken backup PROJECT --prune-erased` で新しい世代を作り、その後で古い世代を取り除けます
cli-backup-line = { "  " }{ $name }：{ $n } 件の記録、照合済み
cli-backup-line-damaged = { "  " }{ $name }：{ $n } 件の記録、元のプロジェクトに異常あり（写しは正確）
cli-backup-line-erased = { "" }。その後に消去した { $n } 名の情報が残っています
cli-backup-made = { $folder }：{ $n } 件の記録を写し、読み直して照合しました
cli-backup-none = バックアップはまだありません
cli-backup-problem = 元のプロジェクトに異常があります：{ $text }
cli-backup-removed = { $folder }：取り除きました
cli-backup-same-disk = { $place } はプロジェクトと同じディスクにあり、故障すると両方を失います。--to で別のディスクを指定してください

cli-drill-done = { $folder }：試しに復元し、{ $made } に写した内容と照合しました
cli-drill-equal = { "  " }{ $what }：{ $n } 件、一致（SHA-256 { $hash }…）
cli-drill-erased = その後に消去した { $n } 名の情報が残っています。復元すると改めて消去します

cli-erase-backups = 消去前の { $n } 世代のバックアップに情報が残っています（`shoken backup PROJECT --list` で一覧）。`shoken backup PROJECT --prune-erased` で新しい世代を作り、古い世代を取り除けます
cli-erase-backups-absent = { $place }：接続されていないため確認できません。消去した情報が残っているおそれがあります（最後の使用 { $last }）
cli-erase-done = { $n } 症例の対象者を消去しました

cli-kept-blobs = 用語集と指針（ハッシュで照合）
cli-kept-drafts = 描きかけ
cli-kept-entities = 派生した行
cli-kept-identity-cases = 症例の名前
cli-kept-identity-files = ファイル
cli-kept-identity-images = 画像の名前
cli-kept-identity-readers = 読影者の名前
cli-kept-identity-subjects = 対象者
cli-kept-sealed-values = 輪郭と文章（暗号化）
cli-kept-state = 記録から求めた状態（ストリーム数）
cli-kept-subject-keys = 対象者の鍵
cli-kept-transactions = 署名済みの記録（全バイト）

cli-pacs-fetched = この検査の画像 { $n } 枚が { $folder } にあります（新規 { $new } 枚）
cli-pacs-imported = 取り込み：新規 { $n }、登録済み { $known }、対象外 { $skipped }
cli-pacs-listening = { $title } として { $address } で受信を待っています。Ctrl+C で終了します
cli-pacs-more = 続きがある可能性があります。--offset { $n } を付けてください
cli-pacs-none = サーバーがまだありません。{ $file } に [[pacs]] の行を作り、name と url を書いてください
cli-pacs-nothing = 該当するものはありません
cli-pacs-received = 画像 { $n } 枚を受信、{ $refused } 枚を拒否しました。送信元の拒否 { $rejected } 件、中断 { $broken } 件
cli-pacs-secret = { $server } のパスワードまたはトークン：

cli-place-cloud = このプロジェクトは { $service } が同期するフォルダーにあります。書き込み中のデータベースが上書きされたり、画像の名前が外部へ送られたりするおそれがあります。移動先の例：{ $better }
cli-place-fat = このプロジェクトは { $kind } のディスクにあります。取り外すと壊れるおそれがあり、4 GB を超えるファイルを置けません。移動先の例：{ $better }
cli-place-network = このプロジェクトはネットワークドライブ（{ $kind }）にあるため、閲覧のみで開きます。作業するには、この端末へ写してください：{ $better }

cli-restore-aside = 元のプロジェクトは { $folder } として残しました
cli-restore-done = { $folder }：{ $backup }（{ $made } の写し）から復元し、照合しました
cli-restore-erased = バックアップ後に消去した { $n } 名を改めて消去しました
cli-restore-newer = そこには、バックアップにない記録が { $n } 件あります。取り込むには shoken journal export { $aside } --values --out newer.jsonl の後、shoken journal apply { $folder } newer.jsonl を実行してください
cli-restore-problem = 写した時点でプロジェクトに異常がありました：{ $text }
cli-restore-unknown = { $made } より後に別の端末で消去され、この端末に届いていないものは分かりません。以後の作業は新しいストリームに記録します
cli-restore-unsigned = うち { $n } 名は、調整者の鍵がこの端末にないため署名した記録を残せませんでした。情報そのものは消去しました

cli-verify-uncovered = 検証の対象外：氏名・症例名・仮名・ファイルの場所（{ $n } 行）は、消去できるように署名していません。どの対象のものかは記録と照合しましたが、内容の正しさは確認できません
