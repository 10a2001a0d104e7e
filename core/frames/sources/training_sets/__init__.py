"""Forms of other programs that train potentials: DeePMD, MTP, n2p2 and groups of HDF5."""
