from pathlib import Path

import pytest

from cleanup_worker.settings import CleanupSettings
from pairing.settings import PairingSettings
from realtime_gateway.settings import GatewaySettings
from session_api.settings import SessionApiSettings
from twotop_common.credentials import CredentialSigner, CredentialVerifier
from twotop_common.hashed_codes import KeyRing
from twotop_common.service_defaults.settings import ServiceSettings
from twotop_native.settings_file import keys_of, load_or_create


def test_secrets_are_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    first = load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create(path) == first


def test_a_secret_added_later_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    path.write_text("TWOTOP_CODE_KEYS=k9:kept\n")
    known = load_or_create(path)
    assert known["TWOTOP_CODE_KEYS"] == "k9:kept"
    assert "POSTGRES_PASSWORD" in path.read_text()


def test_who_deletes_the_state_folder_is_not_locked_out_of_the_data(tmp_path: Path) -> None:
    state, data = tmp_path / "state.env", tmp_path / "data.env"
    first = load_or_create(state, data)
    state.unlink()
    assert load_or_create(state, data) == first
    assert data.stat().st_mode & 0o777 == 0o600


def test_services_can_use_the_generated_keys(tmp_path: Path) -> None:
    known = load_or_create(tmp_path / "secrets.env")
    KeyRing.parse(known["TWOTOP_CODE_KEYS"])
    CredentialVerifier.parse(known["TWOTOP_CREDENTIAL_PUBLIC_KEYS"])
    signer = CredentialSigner.parse(known["TWOTOP_CREDENTIAL_SIGNING_KEY"])
    assert signer.public_key == known["TWOTOP_CREDENTIAL_PUBLIC_KEYS"]


@pytest.mark.parametrize("settings", [SessionApiSettings, PairingSettings, GatewaySettings, CleanupSettings])
def test_a_service_is_told_the_keys_it_needs_and_no_others(settings: type[ServiceSettings], tmp_path: Path) -> None:
    known = load_or_create(tmp_path / "secrets.env")
    needed = {f"TWOTOP_{name.upper()}" for name in settings.needs}
    assert keys_of(settings.service, known) == {name: known[name] for name in known.keys() & needed}
