################################################################################
#
# libndpi
#
################################################################################

# rs-fastpath is written for the interface of 4.2, which is also Debian 12's.
LIBNDPI_VERSION = 4.2
LIBNDPI_SOURCE = ndpi_$(LIBNDPI_VERSION).orig.tar.gz
LIBNDPI_SITE = https://snapshot.debian.org/archive/debian/20250520T000000Z/pool/main/n/ndpi
LIBNDPI_LICENSE = LGPL-3.0+
LIBNDPI_LICENSE_FILES = COPYING
LIBNDPI_INSTALL_STAGING = YES
# 120 MB of its tarball are captures.
LIBNDPI_EXCLUDES = nDPI-$(LIBNDPI_VERSION)/tests/pcap
LIBNDPI_AUTORECONF = YES
LIBNDPI_DEPENDENCIES = host-pkgconf
LIBNDPI_CONF_OPTS = --with-only-libndpi
LIBNDPI_MAKE_OPTS = -C src/lib
LIBNDPI_INSTALL_STAGING_OPTS = -C src/lib DESTDIR=$(STAGING_DIR) install
LIBNDPI_INSTALL_TARGET_OPTS = -C src/lib DESTDIR=$(TARGET_DIR) install

$(eval $(autotools-package))
