################################################################################
#
# rs-firmware
#
################################################################################

RS_FIRMWARE_VERSION = 0.1.0
RS_FIRMWARE_SITE = $(realpath $(BR2_EXTERNAL_RS_PATH)/..)
RS_FIRMWARE_SITE_METHOD = local
# What was built for the machine we develop on must not get into the image.
RS_FIRMWARE_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = \
	--exclude /.venv --exclude /build --exclude /fastpath/build \
	--exclude /tests/captures --exclude '*.so' --exclude '*.pyc' \
	--exclude .built --exclude _native.c
RS_FIRMWARE_DEPENDENCIES = \
	host-python3 host-python-cffi host-python-pyyaml host-python-setuptools \
	libpcap openssl python3

# libndpi is opened at run time; what is needed here are its headers.
ifeq ($(BR2_PACKAGE_LIBNDPI),y)
RS_FIRMWARE_DEPENDENCIES += libndpi
RS_FIRMWARE_MAKE_OPTS = NDPI=1 NDPI_INCLUDE=$(STAGING_DIR)/usr/include/ndpi
else
RS_FIRMWARE_MAKE_OPTS = NDPI=0
endif

# For targets that do not load 64 bits at once; the others do not get it.
ifeq ($(BR2_TOOLCHAIN_HAS_LIBATOMIC),y)
RS_FIRMWARE_MAKE_OPTS += ATOMIC="-Wl,--as-needed -latomic"
endif

# Warnings are for those who write the code: another compiler's new ones must not stop an image.
RS_FIRMWARE_MAKE_OPTS += PYTHON=$(HOST_DIR)/bin/python3 WARNINGS=

define RS_FIRMWARE_BUILD_CMDS
	$(PKG_PYTHON_SETUPTOOLS_ENV) $(MAKE) -C $(@D)/fastpath $(RS_FIRMWARE_MAKE_OPTS) all
endef

define RS_FIRMWARE_INSTALL_TARGET_CMDS
	$(RS_FIRMWARE_PKGDIR)/install $(@D) $(TARGET_DIR) $(HOST_DIR)/bin/python3
endef

define RS_FIRMWARE_USERS
	rsweb -1 rsweb -1 * - - - R-series page
endef

$(eval $(generic-package))
