"""An agency, as its file declares it."""

from modules.agency.model import Agency as Agency
from modules.agency.model import Kind as Kind
from modules.agency.system import Exposure as Exposure
from modules.agency.system import System as System
from modules.units.key import UnitKey as UnitKey
