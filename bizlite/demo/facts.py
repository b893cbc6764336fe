"""The works for machine parts, 40 people: what it makes, of what, on which machines, for whom, and what it sold."""

from __future__ import annotations

YUAN = 1_000_000  # a price is kept in millionths
FEN = 100
PIN = "1234"
MAIN = 1
Words = tuple[str, str]  # Chinese, English

# code: name, unit, quantity at the beginning (in units) and what one was worth (yuan)
BOUGHT: dict[str, tuple[Words, str, int, int]] = {
    "S45-30": (("45号圆钢 Φ30", "Steel bar C45, 30 mm"), "kg", 900, 5),
    "S45-60": (("45号圆钢 Φ60", "Steel bar C45, 60 mm"), "kg", 1200, 5),
    "AL-80": (("6061铝棒 Φ80", "Aluminium bar 6061, 80 mm"), "kg", 300, 24),
    "CU-40": (("锡青铜棒 Φ40", "Bronze bar, 40 mm"), "kg", 120, 62),
    "B6204": (("深沟球轴承 6204", "Ball bearing 6204"), "pcs", 160, 9),
    "M8-25": (("内六角螺钉 M8×25", "Socket screw M8×25"), "pcs", 1500, 1),
}
# code: name, at the beginning, worth of one, price with tax; materials by code (in smallest units for one piece);
# steps: code, work centre, minutes of set-up, seconds for a piece, fen for a piece
Step = tuple[str, str, int, int, int]
MADE: dict[str, tuple[Words, int, int, int, dict[str, int], tuple[Step, ...]]] = {
    "SH-100": (("传动轴 SH-100", "Drive shaft SH-100"), 20, 38, 96, {"S45-30": 1850}, (
        ("saw", "SAW", 10, 60, 20), ("turn", "LATHE", 30, 260, 110), ("mill", "MILL", 20, 140, 60),
        ("grind", "GRIND", 25, 180, 90))),
    "FL-200": (("法兰盘 FL-200", "Flange FL-200"), 30, 46, 118, {"S45-60": 3600}, (
        ("saw", "SAW", 10, 80, 25), ("turn", "LATHE", 30, 300, 130), ("mill", "MILL", 25, 200, 80))),
    "BU-40": (("铜套 BU-40", "Bush BU-40"), 60, 33, 78, {"CU-40": 420}, (
        ("saw", "SAW", 5, 30, 10), ("turn", "LATHE", 20, 150, 70))),
    "HB-80": (("铝支座 HB-80", "Bearing block HB-80"), 24, 52, 139, {"AL-80": 1300}, (
        ("saw", "SAW", 5, 45, 15), ("mill", "MILL", 30, 420, 160))),
    "RO-500": (("输送辊组件 RO-500", "Conveyor roller RO-500"), 0, 0, 368,
               {"SH-100": 1, "HB-80": 2, "B6204": 2, "M8-25": 8}, (("assemble", "ASSY", 10, 480, 260),)),
}  # fmt: skip
STEPS = {
    "saw": ("下料", "Sawing"), "turn": ("车削", "Turning"), "mill": ("铣削", "Milling"), "grind": ("磨削", "Grinding"),
    "assemble": ("装配", "Assembly"),
}  # fmt: skip
CENTRES = {
    "SAW": (("锯床", "Saws"), 2), "LATHE": (("数控车床", "CNC lathes"), 4),
    "MILL": (("加工中心", "Machining centres"), 3),
    "GRIND": (("外圆磨床", "Cylindrical grinders"), 2), "ASSY": (("装配台", "Assembly benches"), 3),
}  # fmt: skip
CAUSES = (("材料", "material"), ("机床", "machine"), ("图纸", "drawing"), ("装夹", "set-up"), ("搬运", "handling"))
WORKERS = (
    ("W01", ("王建国", "Wang Jianguo")), ("W02", ("李秀英", "Li Xiuying")), ("W03", ("张伟", "Zhang Wei")),
    ("W04", ("刘芳", "Liu Fang")), ("W05", ("陈强", "Chen Qiang")), ("W06", ("赵敏", "Zhao Min")),
)  # fmt: skip
CUSTOMERS = {
    "C01": (("鑫达输送设备", "Xinda Conveyors"), 30), "C02": (("华东包装机械", "Huadong Packaging Machines"), 45),
    "C03": (("恒力纺织机械", "Hengli Textile Machines"), 30), "C04": (("瑞丰食品机械", "Ruifeng Food Machines"), 15),
    "C05": (("东明农机", "Dongming Farm Machines"), 60),
}  # fmt: skip
# code: name, days until he is paid, days until it is here, items with price of one (fen, with tax)
SUPPLIERS = {
    "V01": (("宏图钢材", "Hongtu Steel"), 30, 3, {"S45-30": 570, "S45-60": 560}),
    "V02": (("中源有色金属", "Zhongyuan Metals"), 15, 5, {"AL-80": 2710, "CU-40": 7000}),
    "V03": (("通达轴承标准件", "Tongda Bearings"), 30, 2, {"B6204": 1020, "M8-25": 113}),
}

# week, weekday (0 is Monday), customer, items and pieces
ORDERS: tuple[tuple[int, int, str, dict[str, int]], ...] = (
    (0, 1, "C01", {"SH-100": 240, "FL-200": 260}), (0, 3, "C04", {"BU-40": 480}), (1, 1, "C02", {"RO-500": 60}),
    (2, 1, "C05", {"SH-100": 320}), (3, 0, "C03", {"FL-200": 420}), (4, 1, "C04", {"HB-80": 260}),
    (5, 0, "C01", {"SH-100": 210, "BU-40": 180}), (6, 0, "C02", {"RO-500": 70}), (6, 3, "C03", {"FL-200": 180}),
    (7, 1, "C05", {"SH-100": 160}), (8, 0, "C01", {"HB-80": 150}), (8, 2, "C04", {"BU-40": 300}),
    (9, 0, "C02", {"FL-200": 120}),
)  # fmt: skip


def scale(code: str) -> int:
    """Smallest units in one of what an item is counted in."""
    return 1000 if code in BOUGHT and BOUGHT[code][1] == "kg" else 1
