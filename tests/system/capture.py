"""capture.py - what two sides of a connection said, written down as a pcap file.

    talk = Capture()
    talk.add(True, b"PING\\r\\n")      the client's bytes, then the server's: whole TCP segments in
    talk.add(False, b"+PONG\\r\\n")    order, as if none was lost
    talk.write(path)

Nothing is sniffed, so no privilege is needed; the packets hold the very bytes of a real connection.
"""
import struct

SEGMENT_BYTES = 1400
CLIENT, SERVER = (b"\x7f\x00\x00\x01", 50000), (b"\x7f\x00\x00\x02", 6379)
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)  # 101: raw IP
FLAG_SYN, FLAG_PSH, FLAG_ACK = 0x02, 0x08, 0x10


def _checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Capture:
    def __init__(self):
        self.sent = {True: 1000, False: 2000}  # next sequence number of each side
        self.packets = []
        self._packet(True, b"", FLAG_SYN)
        self._packet(False, b"", FLAG_SYN | FLAG_ACK)
        self._packet(True, b"", FLAG_ACK)

    def _packet(self, from_client, data, flags):
        (source, source_port), (target, target_port) = (
            (CLIENT, SERVER) if from_client else (SERVER, CLIENT))
        acknowledged = self.sent[not from_client] if flags & FLAG_ACK else 0
        tcp = struct.pack(">HHIIBBHHH", source_port, target_port, self.sent[from_client], acknowledged,
                          5 << 4, flags, 65535, 0, 0)
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), len(self.packets) & 0xFFFF, 0, 64, 6,
                           0, source, target)
        head = head[:10] + struct.pack(">H", _checksum(head)) + head[12:]
        self.packets.append(head + tcp + data)
        self.sent[from_client] += len(data) + (1 if flags & FLAG_SYN else 0)

    def add(self, from_client, data):
        for at in range(0, len(data), SEGMENT_BYTES):
            self._packet(from_client, data[at:at + SEGMENT_BYTES], FLAG_PSH | FLAG_ACK)

    def write(self, path):
        with open(path, "wb") as file:
            file.write(PCAP_HEADER)
            for i, packet in enumerate(self.packets):
                file.write(struct.pack("<IIII", 1700000000, i, len(packet), len(packet)) + packet)
