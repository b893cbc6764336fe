include $(sort $(wildcard $(BR2_EXTERNAL_RS_PATH)/package/*/*.mk))

# Buildroot's dnsmasq is built without nftset=, by which names enter the sets of line policies; without it dnsmasq refuses
# our configuration. Its options are expanded when it is built, its prerequisites when its .mk was read: hence the rule.
ifeq ($(BR2_PACKAGE_RS_FIRMWARE),y)
DNSMASQ_COPTS += -DHAVE_NFTSET
DNSMASQ_DEPENDENCIES += nftables
$(DNSMASQ_TARGET_CONFIGURE): | nftables
endif
