from pairing.tables import PairingRow
from twotop_common.service_defaults.migrations import run_env

run_env(PairingRow.metadata)
