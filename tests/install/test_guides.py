"""The guides for engineers, followed to the letter: every command that they show, one after the other.

On a copy of this machine that is gone afterwards, with a real Asterisk of Debian's. For the PBX of FreePBX's
page only its files are there, as FreePBX writes them: there is no FreePBX here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import pytest

from lab.tree import find_tree

WITHIN_S = 400
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(WITHIN_S + 20)]

PROJECT = Path(__file__).parents[2]
GUIDE = PROJECT / "docs/guide"
MACHINE = Path(__file__).parent / "machine"
PASSWORD = "a few words that do not belong together"
ASKS = re.compile(rb"(Password|confirmation): $")

PBX = """
cat >>/etc/asterisk/pjsip.conf <<END
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:5060

[101]
type = endpoint
context = phones
allow = !all,alaw
aors = 101
[101]
type = aor
max_contacts = 1
END
mkdir -p /etc/systemd/system
systemctl restart asterisk
"""
"""Debian's configuration, and a telephone in it."""


def blocks(page: str) -> list[str]:
    """The shell commands that a page of the guide shows, block by block."""
    found = re.findall(r"^( *)```sh\n(.*?)^ *```", (GUIDE / page).read_text(encoding="utf-8"), re.S | re.M)
    return [re.sub(rf"^{indent}", "", text, flags=re.M) for indent, text in found]


def follow(tmp_path: Path, prepare: str, commands: list[str]) -> str:
    """What it says, with each block's number before; fails where a command does."""
    tree = find_tree()
    if tree.root is None:
        pytest.skip("an Asterisk of this machine's own is used, and the guide's would change its files")
    nothing = "rm -rf /var/lib/ari_recorder\n"  # as on a machine that never had a recorder
    (tmp_path / "prepare").write_text(nothing + prepare, encoding="utf-8")
    numbered = [f"echo '--- block {number}'\n{block}" for number, block in enumerate(commands, start=1)]
    (tmp_path / "commands").write_text("\n".join(numbered), encoding="utf-8")
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve().parent
    command = [
        *("unshare", "--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child"),
        *(str(MACHINE), str(PROJECT), str(tree.root), str(python), sysconfig.get_path("purelib")),
        *(str(tmp_path / "prepare"), str(tmp_path / "commands")),
    ]
    status, said = at_a_terminal(command)
    assert status == 0, said[-6000:]
    return said


def at_a_terminal(command: list[str]) -> tuple[int, str]:
    """Run it as at a terminal, and give the password where one is asked for; its status and what it said."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        ending = threading.Timer(WITHIN_S, process.kill)
        ending.start()
        assert process.stdout is not None
        said = b""
        while part := os.read(process.stdout.fileno(), 65536):
            said += part
            if ASKS.search(said[-200:]):
                os.write(ours, f"{PASSWORD}\n".encode())
        ending.cancel()
    os.close(ours)
    os.close(theirs)
    return process.returncode, said.decode(errors="replace")


def test_a_plain_asterisk_from_nothing_to_recording_and_back(tmp_path: Path) -> None:
    told = follow(tmp_path, PBX, [*blocks("existing-pbx.md"), LEFT])
    assert "101 Anna: always, main:PJSIP/101." in told
    assert told.count("0 to look at, 0 to put right") == 2, "the doctor finds everything, before and after"
    assert "0 wrong, 0 still open" in told
    assert told.rstrip().endswith("nothing is left"), told[-500:]


LEFT = """
for left in /opt/ari_recorder /etc/asterisk/ari_recorder /var/lib/ari_recorder /usr/local/bin/ari-recorder; do
    [ ! -e "$left" ]
done
! id ari_recorder 2>&- || exit 1
! grep ari_recorder /etc/asterisk/{modules,features,extensions,pjsip}.conf || exit 1
echo nothing is left
"""
FREEPBX = """
cd /etc/asterisk
rm -f ari.conf http.conf features.conf extensions.conf pjsip.conf codecs.conf
printf '%s\\n' '[general]' '#include ari_general_additional.conf' '#include ari_general_custom.conf' \\
    '#include ari_additional.conf' '#include ari_additional_custom.conf' >ari.conf
printf '%s\\n' enabled=yes pretty=no websocket_write_timeout=5000 >ari_general_additional.conf
printf '%s\\n' '[freepbxuser]' type=user password=x password_format=plain read_only=no >ari_additional.conf
printf '%s\\n' '#include http_additional.conf' '#include http_custom.conf' >http.conf
printf '%s\\n' '[general]' enabled=yes bindaddr=127.0.0.1 bindport=8088 sessionlimit=500 >http_additional.conf
printf '%s\\n' '[general]' '#include features_general_additional.conf' \\
    '#include features_general_custom.conf' \\
    '[applicationmap]' '#include features_applicationmap_additional.conf' \\
    '#include features_applicationmap_custom.conf' \\
    '[featuremap]' '#include features_featuremap_additional.conf' \\
    '#include features_featuremap_custom.conf' >features.conf
echo 'apprecord=>*1,self/caller,Gosub,"one-touch-record,s,1"' >features_applicationmap_additional.conf
printf '%s\\n' '#include extensions_additional.conf' '#include extensions_custom.conf' >extensions.conf
printf '%s\\n' '[general]' '[globals]' '[from-internal]' >extensions_additional.conf
for part in transports endpoint aor auth registration identify; do
    printf '%s\\n' "#include pjsip.$part.conf" "#include pjsip.${part}_custom_post.conf" >>pjsip.conf
    echo "#include pjsip.${part}_custom.conf" >pjsip.$part.conf
    touch pjsip.${part}_custom.conf pjsip.${part}_custom_post.conf
done
printf '%s\\n' '[0.0.0.0-udp]' type=transport protocol=udp bind=127.0.0.1:5060 >>pjsip.transports.conf
for number in 101 102; do
    printf '%s\\n' "[$number]" type=endpoint aors=$number context=from-internal disallow=all allow=alaw \\
        dtmf_mode=rfc4733 direct_media=yes >>pjsip.endpoint.conf
    printf '%s\\n' "[$number]" type=aor max_contacts=1 >>pjsip.aor.conf
done
touch ari_general_custom.conf ari_additional_custom.conf http_custom.conf extensions_custom.conf \\
    features_general_additional.conf features_general_custom.conf features_applicationmap_custom.conf \\
    features_featuremap_additional.conf features_featuremap_custom.conf
mkdir -p /etc/systemd/system
systemctl restart asterisk
"""
"""The files of FreePBX, laid out as its sources do, with two extensions."""


DOCTOR = f"""
export ARI_RECORDER_PBX__MAIN__PASSWORD=$password ARI_RECORDER_STORE__URL=sqlite:////srv/catalogue.db
export ARI_RECORDER_VAULT__PATH=/srv/vault ARI_RECORDER_VAULT__KEY_FILE=/srv/master.key
export ARI_RECORDER_MEDIA__WORK=/srv/work
{Path(sys.executable).parent}/ari-recorder user add 101 --name Anna --mode always --endpoint PJSIP/101
{Path(sys.executable).parent}/ari-recorder doctor
"""


def test_the_files_of_freepbx_have_all_that_the_recorder_needs(tmp_path: Path) -> None:
    *files, look = blocks("freepbx.md")
    told = follow(tmp_path, FREEPBX, [*files, "systemctl restart asterisk", look, DOCTOR])
    assert "0 to put right" in told
    assert "direct_media is off, DTMF on, for 1 of PJSIP" in told
